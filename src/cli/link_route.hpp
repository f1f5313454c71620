// Where the link meets the front: `/link` is a WebSocket whose binary messages are the bytes of a link session.
#pragma once

#include "api/http/router.hpp"
#include "api/http/worker_pool.hpp"
#include "hub/link_acceptor.hpp"

namespace sluice::cli {

// `acceptor` and `workers` outlive the router's last request. The workers are not the ones that run requests: a request may wait for a node's answer.
void mount_link(http::Router& router, hub::LinkAcceptor& acceptor, http::WorkerPool& workers);

} // namespace sluice::cli
