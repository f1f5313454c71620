#include "panel/captcha.hpp"

#include "base/log.hpp"
#include "base/text.hpp"
#include "panel/context.hpp"
#include "panel/throttle.hpp"
#include "store/setting_table.hpp"
#include "store/store.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>

namespace sluice::panel {

namespace {

constexpr Seconds remembered_for{300};
constexpr std::size_t most_remembered = 10'000;
constexpr std::size_t longest_text = 4096; // Turnstile's responses have 2048 characters at most
constexpr int most_at_once = 4;            // a slow server must not take all workers

Error refused() { return make_error(Errc::invalid, "captcha"); }

} // namespace

struct Captcha::State {
    Throttle by_address{Throttle::Policy{20, Seconds{60}, Seconds{900}, 10'000}};
    Verifier verifier;
    std::mutex mutex;                         // guards the fields below
    std::map<std::string, SteadyTime> solved; // until when
    int asking = 0;
};

Captcha::Captcha(Context& context) : context_(context), state_(std::make_unique<State>()) {}

Captcha::~Captcha() = default;

void Captcha::verify_by(Verifier verifier) { state_->verifier = std::move(verifier); }

bool Captcha::wanted()
{
    const auto setting = context_.store->read([](store::ReadTx& tx) -> Result<bool> {
        const auto row = store::SettingTable(tx).find("captcha_enabled");
        return row && equals_ignoring_case(trim(row->value), "true");
    });
    return !setting || *setting;
}

bool Captcha::has_widget()
{
    const auto key = context_.store->read([](store::ReadTx& tx) -> Result<bool> {
        const auto row = store::SettingTable(tx).find("cloudflare_site_key");
        return row && !trim(row->value).empty();
    });
    return key && *key && wanted();
}

Result<void> Captcha::check(const std::string& response, const IpAddress& from, bool ok_without_secret)
{
    if (response.empty() || response.size() > longest_text) return refused();
    struct Known {
        std::string secret;
        std::string url = usual_url;
    };
    const auto known = context_.store->read([](store::ReadTx& tx) -> Result<Known> {
        store::SettingTable settings(tx);
        Known found;
        if (const auto row = settings.find("cloudflare_secret_key")) found.secret = trim(row->value);
        if (const auto row = settings.find("captcha_verify_url"); row && !trim(row->value).empty()) found.url = trim(row->value);
        return found;
    });
    if (!known) return known.error();
    if (known->secret.empty()) return ok_without_secret && response == "ok" ? Result<void>{} : refused();
    if (!state_->verifier) return refused();
    const auto now = context_.clock->steady();
    const auto key = throttle_key(from);
    if (const auto wait = state_->by_address.wait_of(key, now); wait > Seconds{0})
        return make_error(Errc::rate_limited, "captcha", {}, {std::to_string(wait.count())});
    {
        const std::lock_guard lock(state_->mutex);
        if (state_->asking >= most_at_once) return make_error(Errc::rate_limited, "captcha", "too many at once", {"5"});
        ++state_->asking;
    }
    struct Done {
        State& state;
        ~Done()
        {
            const std::lock_guard lock(state.mutex);
            --state.asking;
        }
    } const done{*state_};
    const auto verdict = state_->verifier(known->url, Secret{known->secret}, response, from);
    if (!verdict) {
        // Closed when it cannot be asked: else a stranger who keeps it from answering would need no captcha.
        log::warning("captcha could not be verified", {{"problem", describe(verdict.error())}});
        return refused();
    }
    if (*verdict) {
        state_->by_address.succeeded(key);
        return {};
    }
    state_->by_address.failed(key, now);
    return refused();
}

Result<void> Captcha::solve(const std::string& id, const std::string& response, const IpAddress& from)
{
    if (id.empty() || id.size() > longest_text) return refused();
    if (const auto checked = check(response, from, true); !checked) return checked;
    const auto now = context_.clock->steady();
    const std::lock_guard lock(state_->mutex);
    auto& solved = state_->solved;
    std::erase_if(solved, [&](const auto& item) { return item.second <= now; });
    if (solved.size() >= most_remembered)
        solved.erase(std::min_element(solved.begin(), solved.end(), [](auto& a, auto& b) { return a.second < b.second; }));
    solved[id] = now + remembered_for;
    return {};
}

Result<void> Captcha::redeem(const std::string& id_or_response, const IpAddress& from)
{
    {
        const std::lock_guard lock(state_->mutex);
        const auto found = state_->solved.find(id_or_response);
        if (found != state_->solved.end()) {
            const bool in_time = found->second > context_.clock->steady();
            state_->solved.erase(found);
            if (in_time) return {};
        }
    }
    return check(id_or_response, from, false);
}

} // namespace sluice::panel
