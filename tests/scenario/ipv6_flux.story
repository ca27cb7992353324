; a /64 of its own for each answer
asn 2001:db8:0:: 2001:db8:1fff:ffff:ffff:ffff:ffff:ffff 64500 A
asn 2001:db8:2000:: 2001:db8:3fff:ffff:ffff:ffff:ffff:ffff 64501 B
asn 2001:db8:4000:: 2001:db8:5fff:ffff:ffff:ffff:ffff:ffff 64502 C
asn 2001:db8:6000:: 2001:db8:7fff:ffff:ffff:ffff:ffff:ffff 64503 D
asn 2001:db8:8000:: 2001:db8:9fff:ffff:ffff:ffff:ffff:ffff 64504 E
every 4s from 0s until 90s response six.example ttl=3 3/200@2001:db8::/32
expect alert six.example verdict=single-flux ips>=10
