; four volunteers' servers at a time, and clients that speak NTP to them
asn 198.18.0.0 198.18.31.255 64500 LabA
asn 198.18.32.0 198.18.63.255 64501 LabB
asn 198.18.64.0 198.18.95.255 64502 LabC
asn 198.18.96.0 198.18.127.255 64503 LabD
asn 198.18.128.0 198.18.159.255 64504 LabE
asn 198.18.160.0 198.18.191.255 64505 LabF
asn 198.19.0.0 198.19.255.255 64510 LabCDN
every 150s from 0s until 2h response 0.pool.example ttl=150 4/400@198.18.0.0/17
every 75s from 5s until 2h connect 198.18.200.1 last(0.pool.example):123 udp pid=7 exe=/usr/sbin/chronyd
expect no alert 0.pool.example
