; a name that moves every four seconds, a client process that follows, quiet company beside it
asn 198.18.0.0 198.18.31.255 64500 LabA
asn 198.18.32.0 198.18.63.255 64501 LabB
asn 198.18.64.0 198.18.95.255 64502 LabC
asn 198.18.96.0 198.18.127.255 64503 LabD
asn 198.18.128.0 198.18.159.255 64504 LabE
asn 198.18.160.0 198.18.191.255 64505 LabF
asn 198.19.0.0 198.19.255.255 64510 LabCDN
every 4s from 0s until 90s response shop.example ttl=3 3/200@198.18.0.0/17
every 5s from 1s until 90s connect 198.18.200.1 last(shop.example):443 pid=42 exe=/usr/bin/bot
every 4s from 0s until 90s response robin.example ttl=3 198.18.1.1 198.18.33.1 198.18.65.1 198.18.97.1
every 4s from 0s until 90s response www.cdn.example ttl=3 2/14@198.19.0.0/20
every 4s from 0s until 90s response quiet.example ttl=3 198.18.1.9
expect alert shop.example verdict=single-flux confidence>=medium ips>=10 processes=1 exe=/usr/bin/bot by<=60s
expect no alert robin.example
expect no alert www.cdn.example
expect no alert quiet.example
expect churn quiet.example addresses=1
