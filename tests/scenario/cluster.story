; three names on the same rotating addresses are one finding
asn 198.18.0.0 198.18.31.255 64500 LabA
asn 198.18.32.0 198.18.63.255 64501 LabB
asn 198.18.64.0 198.18.95.255 64502 LabC
asn 198.18.96.0 198.18.127.255 64503 LabD
asn 198.18.128.0 198.18.159.255 64504 LabE
asn 198.18.160.0 198.18.191.255 64505 LabF
asn 198.19.0.0 198.19.255.255 64510 LabCDN
every 4s from 0s until 120s response one.example ttl=3 ~3/60@198.18.0.0/17
every 4s from 1s until 120s response two.example ttl=3 ~3/60@198.18.0.0/17
every 4s from 2s until 120s response three.example ttl=3 ~3/60@198.18.0.0/17
expect alert one.example members>=2 raised=1
expect no alert two.example
expect no alert three.example
