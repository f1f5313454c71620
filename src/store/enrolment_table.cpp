#include "store/enrolment_table.hpp"

#include "store/statement.hpp"

namespace sluice::store {

void EnrolmentTable::add_token(const std::string& hash, NodeId node, WallTime now, WallTime expires)
{
    Statement(tx_, "INSERT INTO enrolment_tokens (token_hash, node_id, created, expires) VALUES (?, ?, ?, ?)", Statement::as_blob(hash), node, now,
              expires)
        .run();
}

std::optional<EnrolmentToken> EnrolmentTable::find_token(const std::string& hash)
{
    Statement query(tx_, "SELECT node_id, expires, used FROM enrolment_tokens WHERE token_hash = ?", Statement::as_blob(hash));
    if (!query.next()) return std::nullopt;
    EnrolmentToken token;
    token.node = query.id<NodeId>();
    token.expires = query.time();
    token.used = query.optional_time();
    return token;
}

void EnrolmentTable::use_token(const std::string& hash, WallTime now)
{
    Statement(tx_, "UPDATE enrolment_tokens SET used = ? WHERE token_hash = ?", now, Statement::as_blob(hash)).run();
}

void EnrolmentTable::withdraw_tokens(NodeId node) { Statement(tx_, "DELETE FROM enrolment_tokens WHERE node_id = ? AND used IS NULL", node).run(); }

void EnrolmentTable::remove_expired_tokens(WallTime before) { Statement(tx_, "DELETE FROM enrolment_tokens WHERE expires < ?", before).run(); }

} // namespace sluice::store
