; an allow entry caps and says so; one whose constraint fails does not; a home address is told
asn 198.18.0.0 198.18.31.255 64500 LabA
asn 198.18.32.0 198.18.63.255 64501 LabB
asn 198.18.64.0 198.18.95.255 64502 LabC
asn 198.18.96.0 198.18.127.255 64503 LabD
asn 198.18.128.0 198.18.159.255 64504 LabE
asn 198.18.160.0 198.18.191.255 64505 LabF
asn 198.19.0.0 198.19.255.255 64510 LabCDN
allow known.example  expires=2099-12-31  our own experiment
allow moved.example  asn=64510  said to stay in its network
home 198.18.0.0/19
every 4s from 0s until 90s response known.example ttl=3 3/200@198.18.32.0/19
every 4s from 0s until 90s response moved.example ttl=3 3/200@198.18.0.0/17
expect no alert known.example
expect alert moved.example confidence>=medium home>=1
