; one address at a time, five a day, never the same again; what goes to and fro and moves once is none
asn 198.18.0.0 198.18.31.255 64500 LabA
asn 198.18.32.0 198.18.63.255 64501 LabB
asn 198.18.64.0 198.18.95.255 64502 LabC
asn 198.18.96.0 198.18.127.255 64503 LabD
asn 198.18.128.0 198.18.159.255 64504 LabE
asn 198.18.160.0 198.18.191.255 64505 LabF
asn 198.19.0.0 198.19.255.255 64510 LabCDN
every 288m from 0s until 4d response slow.example ttl=600 1/3000@198.18.0.0/17
every 288m from 10m until 4d response dyn.example ttl=600 ~1/3@198.18.0.0/17
every 100m from 0s until 200m response rests.example ttl=600 198.18.1.1
every 100m from 288m until 488m response rests.example ttl=600 198.18.33.1
every 100m from 576m until 776m response rests.example ttl=600 198.18.65.1
every 100m from 864m until 1064m response rests.example ttl=600 198.18.97.1
every 288m from 20m until 3d response moved.example ttl=600 ~1/2@198.18.0.0/19
every 288m from 3d until 4d response moved.example ttl=600 ~1/2@198.18.64.0/19
expect alert slow.example verdict=slow-flux confidence>=medium by<=20h
expect alert rests.example verdict=slow-flux confidence>=medium by<=15h
expect no alert dyn.example
expect no alert moved.example
