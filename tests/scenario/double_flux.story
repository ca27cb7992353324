; the name servers and their addresses move as well
asn 198.18.0.0 198.18.31.255 64500 LabA
asn 198.18.32.0 198.18.63.255 64501 LabB
asn 198.18.64.0 198.18.95.255 64502 LabC
asn 198.18.96.0 198.18.127.255 64503 LabD
asn 198.18.128.0 198.18.159.255 64504 LabE
asn 198.18.160.0 198.18.191.255 64505 LabF
asn 198.19.0.0 198.19.255.255 64510 LabCDN
every 8s from 0s until 120s response www.pair.example ttl=3 3/200@198.18.0.0/17 ns=ns1.pair.example/1/100@198.18.0.0/17 ns=ns2.pair.example/1/100@198.18.0.0/17
every 8s from 4s until 120s response www.pair.example ttl=3 3/200@198.18.0.0/17 ns=ns3.pair.example/1/100@198.18.0.0/17 ns=ns4.pair.example/1/100@198.18.0.0/17
expect alert www.pair.example verdict=double-flux ns>=4 confidence>=medium
