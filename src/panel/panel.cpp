#include "panel/panel.hpp"

#include <utility>

namespace sluice::panel {

Panel::Panel(store::Store& store, const Clock& clock, Live& live, Secret key)
    : context_{&store, &clock, &live, nullptr, std::move(key)},
      accounts_(context_),
      users_(context_),
      nodes_(context_),
      tunnels_(context_),
      assignments_(context_),
      forwards_(context_),
      settings_(context_),
      accounting_(context_),
      plans_(context_)
{
}

Panel::~Panel() = default;

void Panel::connect(NodeGateway& gateway) { context_.gateway = &gateway; }

} // namespace sluice::panel
