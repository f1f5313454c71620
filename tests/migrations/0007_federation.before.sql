INSERT INTO users (id, uuid, name, password, role, created) VALUES (1, '11111111-1111-4111-8111-111111111111', 'admin_user', '-', 0, 1767225600000);
INSERT INTO nodes (id, uuid, name, address, ports, tcp_listen, udp_listen, secret, secret_hash, created)
    VALUES (1, '22222222-2222-4222-8222-222222222222', 'here', '192.0.2.1', '1000-65535', '[::]', '[::]', x'00', zeroblob(32), 1767225600000);
INSERT INTO tunnels (id, uuid, name, type, created) VALUES (1, '33333333-3333-4333-8333-333333333333', 'direct', 1, 1767225600000);
INSERT INTO booked_counters (node_id, forward_id, epoch, up, down, connections, user_id, tunnel_id) VALUES (1, 7, '18446744073709551615', 10, 20, 3, 1, 1);
