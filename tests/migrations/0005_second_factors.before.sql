INSERT INTO users (id, uuid, name, password, role, created) VALUES (1, '11111111-1111-4111-8111-111111111111', 'admin_user', '-', 0, 1767225600000);
INSERT INTO api_tokens (id, token_hash, user_id, name, scope, created) VALUES (1, zeroblob(32), 1, 'billing', 'read', 1767225600000);
