; a name of a deny list is told with its first answer, however still it is
asn 198.18.0.0 198.18.31.255 64500 LabA
deny bad.example  from the incident of May
at 0s response www.bad.example ttl=300 198.18.1.1
at 1s response www.good.example ttl=300 198.18.1.1
expect alert www.bad.example verdict=deny-listed confidence=high
expect no alert www.good.example
