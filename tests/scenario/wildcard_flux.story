; each label its own address from a botnet, none asked twice; and a hoster whose labels stay
asn 198.18.0.0 198.18.31.255 64500 LabA
asn 198.18.32.0 198.18.63.255 64501 LabB
asn 198.18.64.0 198.18.95.255 64502 LabC
asn 198.18.96.0 198.18.127.255 64503 LabD
asn 198.18.128.0 198.18.159.255 64504 LabE
asn 198.18.160.0 198.18.191.255 64505 LabF
asn 198.19.0.0 198.19.255.255 64510 LabCDN
at 0s response a1.wild.example ttl=60 1/200@198.18.0.0/17
at 60s response b2.wild.example ttl=60 1/200@198.18.0.0/17
at 120s response c3.wild.example ttl=60 1/200@198.18.0.0/17
at 180s response d4.wild.example ttl=60 1/200@198.18.0.0/17
at 240s response e5.wild.example ttl=60 1/200@198.18.0.0/17
at 300s response f6.wild.example ttl=60 1/200@198.18.0.0/17
at 360s response g7.wild.example ttl=60 1/200@198.18.0.0/17
at 420s response h8.wild.example ttl=60 1/200@198.18.0.0/17
at 480s response i9.wild.example ttl=60 1/200@198.18.0.0/17
at 540s response j10.wild.example ttl=60 1/200@198.18.0.0/17
at 600s response k11.wild.example ttl=60 1/200@198.18.0.0/17
at 660s response l12.wild.example ttl=60 1/200@198.18.0.0/17
at 720s response m13.wild.example ttl=60 1/200@198.18.0.0/17
at 780s response n14.wild.example ttl=60 1/200@198.18.0.0/17
at 840s response o15.wild.example ttl=60 1/200@198.18.0.0/17
at 900s response p16.wild.example ttl=60 1/200@198.18.0.0/17
at 960s response q17.wild.example ttl=60 1/200@198.18.0.0/17
at 1020s response r18.wild.example ttl=60 1/200@198.18.0.0/17
at 1080s response s19.wild.example ttl=60 1/200@198.18.0.0/17
at 1140s response t20.wild.example ttl=60 1/200@198.18.0.0/17
every 90s from 0s until 30m response a.host.example ttl=60 198.18.1.1
every 90s from 10s until 30m response b.host.example ttl=60 198.18.33.2
every 90s from 20s until 30m response c.host.example ttl=60 198.18.65.3
every 90s from 30s until 30m response d.host.example ttl=60 198.18.97.4
expect alert wild.example verdict=wildcard-flux confidence>=medium
expect no alert host.example
