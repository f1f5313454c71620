INSERT INTO nodes (uuid, name, address, ports, tcp_listen, udp_listen, secret, secret_hash, created)
VALUES ('11111111-1111-4111-8111-111111111111', 'berlin', '192.0.2.1', '1000-65535', '[::]', '[::]', x'00', zeroblob(32), 1700000000000);
