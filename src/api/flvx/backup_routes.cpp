// Export and import of this dialect's backup object (FLVX contract 5.11), and, beyond the contract, the full backup of everything as one ZIP file.
#include "api/flvx/backup_json.hpp"
#include "api/flvx/messages.hpp"
#include "api/flvx/route.hpp"

#include <unistd.h>
#include <utility>

namespace sluice::flvx {

namespace {

constexpr std::size_t largest_import = std::size_t{64} * 1024 * 1024;
constexpr std::size_t largest_archive = std::size_t{128} * 1024 * 1024;

domain::Sections everything() { return {domain::all_sections.begin(), domain::all_sections.end()}; }

// Names that say nothing are passed over. Absent: `types` is no list of texts.
std::optional<domain::Sections> read_types(const Json& types)
{
    if (!types.is_array()) return std::nullopt;
    domain::Sections sections;
    for (const auto& type : types) {
        if (!type.is_string()) return std::nullopt;
        sections.merge(sections_named(type.get_ref<const std::string&>()));
    }
    return sections;
}

bool is_empty(const Json& body, const char* key)
{
    const auto found = body.find(key);
    return found == body.end() || found->is_null() || (found->is_array() && found->empty());
}

Result<Json> export_of(Call& call, const domain::Sections& sections)
{
    const auto snapshot = call.panel.transfers().take(call.who(), sections);
    if (!snapshot) return snapshot.error();
    return backup_json(*snapshot, call.panel.clock().wall(), [&](NodeId node) { return call.panel.live().online(node); });
}

std::string text_of(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

Reply export_backup(Call& call)
{
    const auto& body = call.body.json();
    auto sections = is_empty(body, "types") ? everything() : read_types(body["types"]);
    if (!sections) return fail(500, "请求参数错误");
    const auto out = export_of(call, *sections);
    if (!out) return fail(out.error());
    auto response = http::Response::json(text_of(*out));
    response.content_type = "application/json"; // without a charset (contract 5.11)
    response.headers.set("Content-Disposition", "attachment; filename=backup.json");
    return bare(std::move(response));
}

Json counters(const panel::TransferReport& report)
{
    Json out;
    for (const auto section : domain::all_sections) {
        const auto found = report.sections.find(section);
        const auto count = found == report.sections.end() ? 0 : found->second.added + found->second.changed;
        out[std::string{section_name(section)} + "Imported"] = count;
    }
    return out;
}

// Why an import was rolled back, in the words of the contract: "import users failed: ...".
std::string words_of(const Error& error)
{
    if (error.field == "import" && error.args.size() >= 2) return "import " + error.args[0] + " failed: " + error.args[1];
    return message_of(error);
}

Reply import_backup(Call& call)
{
    const auto& body = call.body.json();
    const auto read = read_backup(body);
    const bool named = body.contains("types"); // a file posted as it is has none (contract 8, row 49)
    const auto version = body.find("version");
    if (!read || (version != body.end() && !version->is_string() && !version->is_null())) return fail(500, "请求参数错误");
    if (named && is_empty(body, "types")) return fail(500, "请选择要导入的数据类型");
    const auto sections = named ? read_types(body["types"]) : everything();
    if (!sections) return fail(500, "请求参数错误");
    auto before = export_of(call, everything());
    if (!before) return fail(-2, "导入前自动备份失败: " + message_of(before.error()));
    if (version == body.end() || version->is_null() || version->get_ref<const std::string&>().empty()) return fail(500, "备份数据格式错误");
    const auto report = call.panel.transfers().restore(call.who(), read->snapshot, *sections, call.token_hash);
    if (!report) return report.error().code == Errc::forbidden ? fail(report.error()) : fail(-2, "导入失败: " + words_of(report.error()));
    auto data = counters(*report);
    data["autoBackup"] = std::move(*before);
    // Beyond the contract: what did not come over as it was.
    data["remarks"] = Json::array();
    for (const auto* remarks : {&read->remarks, &report->remarks}) {
        for (const auto& remark : *remarks) {
            if (sections->contains(remark.section)) data["remarks"].push_back(remark_json(remark));
        }
    }
    return ok(std::move(data));
}

Reply download_everything(Call& call)
{
    const auto path = call.panel.full_backups().write(call.who());
    if (!path) return fail(path.error());
    auto file = http::Response::file(*path, "application/zip");
    ::unlink(path->c_str()); // the open descriptor keeps it until it is sent
    if (!file) return fail(file.error());
    file->headers.set("Content-Disposition", "attachment; filename=\"sluice-backup.zip\"");
    file->headers.set("Cache-Control", "no-store");
    return bare(std::move(*file));
}

Reply restore_everything(Call& call)
{
    const auto& parts = call.request.parts;
    const std::string_view archive = parts.empty() ? std::string_view{call.request.body} : std::string_view{parts.front().content};
    const auto report = call.panel.full_backups().restore(call.who(), archive);
    if (!report) return fail(report.error());
    return ok(
        {{"madeBy", report->made_by}, {"madeAt", report->made_at}, {"users", report->users}, {"forwards", report->forwards}, {"restarting", true}});
}

constexpr Route route(std::string_view path, Handle handle, std::size_t limit)
{
    Route row;
    row.path = path;
    row.handle = handle;
    row.bad_body_code = 500;
    row.body_limit = limit;
    return row;
}

constexpr Route bytes(std::string_view path, Handle handle, bool also_get)
{
    auto row = route(path, handle, largest_archive);
    row.needs = Needs::bytes;
    row.also_get = also_get;
    return row;
}

constexpr std::size_t small = std::size_t{64} * 1024;

// The doubled prefix is an alias for old clients.
constexpr Route routes[] = {
    route("/api/v1/backup/export", export_backup, small),
    route("/api/v1/backup/import", import_backup, largest_import),
    route("/api/v1/backup/restore", import_backup, largest_import),
    route("/api/v1/api/v1/backup/export", export_backup, small),
    route("/api/v1/api/v1/backup/import", import_backup, largest_import),
    route("/api/v1/api/v1/backup/restore", import_backup, largest_import),
    bytes("/api/v1/backup/full", download_everything, true),
    bytes("/api/v1/backup/full/restore", restore_everything, false),
};

} // namespace

std::span<const Route> backup_routes() { return routes; }

} // namespace sluice::flvx
