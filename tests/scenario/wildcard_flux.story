; each label its own address from a botnet, none asked twice; and a hoster whose labels stay
asn 198.18.0.0 198.18.31.255 64500 LabA
asn 198.18.32.0 198.18.63.255 64501 LabB
asn 198.18.64.0 198.18.95.255 64502 LabC
asn 198.18.96.0 198.18.127.255 64503 LabD
asn 198.18.128.0 198.18.159.255 64504 LabE
asn 198.18.160.0 198.18.191.255 64505 LabF
asn 198.19.0.0 198.19.255.255 64510 LabCDN
every 60s from 0s until 45m response x{n}.wild.example ttl=60 1/200@198.18.0.0/17
every 90s from 0s until 30m response a.host.example ttl=60 198.18.1.1
every 90s from 10s until 30m response b.host.example ttl=60 198.18.33.2
every 90s from 20s until 30m response c.host.example ttl=60 198.18.65.3
every 90s from 30s until 30m response d.host.example ttl=60 198.18.97.4
expect alert wild.example verdict=wildcard-flux confidence>=medium
expect no alert host.example
