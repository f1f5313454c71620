#include "panel/panel.hpp"

#include <utility>

namespace sluice::panel {

Panel::Panel(store::Store& store, const Clock& clock, Live& live, Secret key)
    : context_{&store, &clock, &live, nullptr, std::move(key), {}, {}, nullptr},
      accounts_(context_),
      api_tokens_(context_),
      second_factors_(context_, accounts_),
      history_(context_),
      captcha_(context_),
      users_(context_),
      nodes_(context_),
      tunnels_(context_),
      assignments_(context_),
      forwards_(context_),
      groups_(context_),
      settings_(context_),
      speed_limits_(context_),
      enrolment_(context_),
      upgrades_(context_),
      accounting_(context_),
      plans_(context_),
      quotas_(context_),
      events_(context_),
      transfers_(context_, accounts_),
      full_backups_(context_),
      rule_imports_(context_),
      shares_(context_),
      share_peers_(context_),
      remote_nodes_(context_)
{
}

Panel::~Panel() = default;

void Panel::live_in(std::string folder, std::function<void()> restart)
{
    context_.folder = std::move(folder);
    context_.restart = std::move(restart);
}

void Panel::connect(NodeGateway& gateway) { context_.gateway = &gateway; }

void Panel::connect_peers(PeerGateway& peers) { context_.peers = &peers; }

} // namespace sluice::panel
