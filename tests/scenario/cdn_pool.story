; a content network met cold: eight of twenty addresses anew every few seconds
asn 198.18.0.0 198.18.31.255 64500 LabA
asn 198.18.32.0 198.18.63.255 64501 LabB
asn 198.19.0.0 198.19.255.255 64510 LabCDN
every 4s from 0s until 10m response www.pool.example ttl=60 8/20@198.18.0.0/18
every 4s from 0s until 10m response www.fast.example ttl=3 8/20@198.18.0.0/18
every 5s from 1s until 10m connect 198.18.200.1 last(www.pool.example):443 pid=42 exe=/usr/bin/browser
every 5s from 1s until 10m connect 198.18.200.1 last(www.fast.example):443 pid=42 exe=/usr/bin/browser
expect no alert www.pool.example
expect no alert www.fast.example
