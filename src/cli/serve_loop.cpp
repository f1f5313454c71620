#include "cli/serve_loop.hpp"

#include "base/log.hpp"

namespace sluice::cli {

bool until_stopped(SignalWaiter& signals, const Notifier& notifier, const Environment& environment, const RereadOptions& reread,
                   const std::function<void(const Options&)>& reload)
{
    const auto patience = notifier.watchdog_every().value_or(std::chrono::hours(1));
    for (;;) {
        const auto wish = signals.wait(patience);
        if (!wish) {
            if (notifier.watchdog_every()) notifier.watchdog();
            continue;
        }
        if (*wish == Wish::restart) {
            log::info("starting again");
            notifier.reloading();
            return true;
        }
        if (*wish == Wish::stop) break;
        notifier.reloading();
        log::info("reloading");
        if (const auto options = reread(); options) {
            log::configure(log_settings(*options, environment));
            reload(*options);
        } else {
            log::error("configuration not reloaded; the old one stays", {{"problem", options.error().args.at(0)}});
        }
        notifier.ready("running");
    }
    log::info("stopping");
    notifier.stopping();
    return false;
}

void say_what_needs_a_restart(const Options& running, const Options& wanted)
{
    const auto needs = [](const char* option) { log::warning("this option takes effect at the next start", {{"option", option}}); };
    if (running.data_dir != wanted.data_dir) needs("data-dir");
    if (running.listen != wanted.listen) needs("listen");
    if (running.hsts != wanted.hsts) needs("hsts");
    if (running.role != wanted.role) needs("panel, agent");
    if (running.workers != wanted.workers) needs("workers");
}

} // namespace sluice::cli
