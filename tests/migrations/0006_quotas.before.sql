INSERT INTO users (id, uuid, name, password, role, quota, used_up, used_down, created)
VALUES (1, '11111111-1111-4111-8111-111111111111', 'alice', '-', 1, 1000, 70, 30, 1767225600000);
INSERT INTO nodes (id, uuid, name, address, ports, tcp_listen, udp_listen, secret, secret_hash, created)
VALUES (1, '22222222-2222-4222-8222-222222222222', 'here', '192.0.2.1', '1000-65535', '[::]', '[::]', x'01',
        x'1111111111111111111111111111111111111111111111111111111111111111', 1767225600000);
INSERT INTO tunnels (id, uuid, name, type, created) VALUES (1, '33333333-3333-4333-8333-333333333333', 'path', 1, 1767225600000);
INSERT INTO assignments (id, user_id, tunnel_id, quota, used_up, used_down) VALUES (1, 1, 1, 1000, 7, 3);
INSERT INTO forwards (id, uuid, user_id, owner_name, name, tunnel_id, targets, pick, used_up, used_down, created)
VALUES (1, '44444444-4444-4444-8444-444444444444', 1, 'alice', 'web', 1, '127.0.0.1:80', 'first', 6, 2, 1767225600000);
INSERT INTO booked_counters (node_id, forward_id, epoch, up, down, connections, user_id, tunnel_id) VALUES (1, 1, '5', 6, 2, 1, 1, 1);
INSERT INTO events (happened, severity, kind, details) VALUES (1767225600000, 'info', 'user.expired', '{"user":"alice"}');
