INSERT INTO nodes (id, uuid, position, name, address, address_v4, ports, tcp_listen, udp_listen, block_tls, version, local, secret, secret_hash, revision, created)
VALUES (1, '11111111-1111-4111-8111-111111111111', 0, 'here', '192.0.2.1', '192.0.2.1', '1000-65535', '[::]', '[::]', 1, '0.1.0', 1, x'01',
        x'1111111111111111111111111111111111111111111111111111111111111111', 7, 1767225600000),
       (2, '22222222-2222-4222-8222-222222222222', 1, 'there', 'there.example', NULL, '80,443', '[::]', '[::]', 0, NULL, 0, x'02',
        x'2222222222222222222222222222222222222222222222222222222222222222', 1, 1767225600001);
INSERT INTO tunnels (id, uuid, name, type, factor, ratio, created) VALUES (1, '33333333-3333-4333-8333-333333333333', 'path', 2, 2, 1.5, 1767225600002);
INSERT INTO tunnel_hops (id, tunnel_id, node_id, role, place, port, strategy, carrier)
VALUES (1, 1, 1, 1, 0, NULL, 'round_robin', 'tls'), (2, 1, 2, 3, 0, 31000, 'first', 'mwss');
