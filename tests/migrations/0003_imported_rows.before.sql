INSERT INTO users (id, uuid, name, password, role, created) VALUES (1, '11111111-1111-4111-8111-111111111111', 'admin_user', '-', 0, 1767225600000);
INSERT INTO settings (id, name, value, changed) VALUES (1, 'app_name', 'mine', 1767225600000);
