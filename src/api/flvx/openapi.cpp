#include "api/flvx/openapi.hpp"

#include <string>
#include <utility>

namespace sluice::flvx {

namespace {

// Shapes by name, found while the document is made.
class Schemas {
public:
    Json reference(const Shape& shape)
    {
        const std::string name{shape.name};
        if (!schemas_.contains(name)) {
            schemas_[name] = Json::object(); // a shape may hold itself
            schemas_[name] = of(shape);
        }
        return {{"$ref", "#/components/schemas/" + name}};
    }
    Json of(Kind kind, const Shape* items)
    {
        switch (kind) {
        case Kind::text: return {{"type", {"string", "null"}}};
        case Kind::integer: return {{"type", {"integer", "null"}}};
        case Kind::number: return {{"type", "number"}};
        case Kind::boolean: return {{"type", "boolean"}};
        case Kind::texts: return {{"type", "array"}, {"items", {{"type", "string"}}}};
        case Kind::integers: return {{"type", "array"}, {"items", {{"type", "integer"}}}};
        case Kind::object: return items != nullptr ? reference(*items) : Json{{"type", "object"}};
        case Kind::list: return {{"type", "array"}, {"items", items != nullptr ? reference(*items) : Json::object()}};
        case Kind::any: return Json::object();
        }
        return Json::object();
    }
    Json take() { return std::move(schemas_); }

private:
    Json of(const Shape& shape)
    {
        Json properties = Json::object();
        Json needed = Json::array();
        for (const auto& field : shape.fields) {
            auto schema = of(field.kind, field.of);
            if (!field.about.empty()) schema["description"] = field.about;
            properties[std::string{field.name}] = std::move(schema);
            if (field.needed) needed.push_back(field.name);
        }
        Json out{{"type", "object"}, {"properties", std::move(properties)}};
        if (!needed.empty()) out["required"] = std::move(needed);
        if (!shape.open) out["additionalProperties"] = false;
        return out;
    }

    Json schemas_ = Json::object();
};

// "/api/v1/forward/update-order" as "forward_update_order".
std::string operation_id(std::string_view path, std::string_view method)
{
    if (path.rfind("/api/v1/", 0) == 0) path.remove_prefix(8);
    std::string id;
    for (const char c : path) id += (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ? c : '_';
    while (!id.empty() && id.front() == '_') id.erase(0, 1);
    return method == "get" ? id + "_get" : id;
}

std::string tag_of(std::string_view path)
{
    for (const std::string_view prefix : {"/api/v1/api/v1/", "/api/v1/", "/"}) {
        if (path.rfind(prefix, 0) == 0) return std::string{path.substr(prefix.size(), path.find('/', prefix.size()) - prefix.size())};
    }
    return std::string{path};
}

std::string who(Access access)
{
    switch (access) {
    case Access::open: return "Anybody.";
    case Access::signed_in: return "Whoever is signed in.";
    case Access::admin: return "Administrators.";
    case Access::peer: return "Another panel, with the token of a share behind Bearer.";
    case Access::stopped_peer: return "Another panel, with the token of a share behind Bearer, also when it has ended.";
    }
    return "";
}

std::string_view name_of(Access access)
{
    switch (access) {
    case Access::open: return "open";
    case Access::signed_in: return "signed_in";
    case Access::admin: return "admin";
    case Access::peer:
    case Access::stopped_peer: return "peer";
    }
    return "";
}

std::string_view name_of(Reach reach)
{
    switch (reach) {
    case Reach::person: return "person";
    case Reach::reading: return "reading";
    case Reach::forwards: return "forwards";
    case Reach::nodes: return "nodes";
    case Reach::everything: return "everything";
    }
    return "";
}

Json envelope_of(Schemas& schemas, const Gives& gives)
{
    Json schema{{"$ref", "#/components/schemas/Envelope"}};
    if (gives.nothing) return schema;
    return {{"allOf", {schema, {{"type", "object"}, {"properties", {{"data", schemas.of(gives.kind, gives.of)}}}}}}};
}

Json answer_of(Schemas& schemas, const Gives& gives)
{
    Json content = Json::object();
    if (!gives.bare || gives.media != "application/json")
        content["application/json"] = {{"schema", envelope_of(schemas, gives.bare ? gives_nothing() : gives)}};
    else // a success has no envelope, an error has
        content["application/json"] = {{"schema", {{"oneOf", {schemas.of(gives.kind, gives.of), {{"$ref", "#/components/schemas/Failure"}}}}}}};
    if (gives.bare && gives.media != "application/json") content[std::string{gives.media}] = {{"schema", {{"type", "string"}, {"format", "binary"}}}};
    return {
        {"200", {{"description", "The envelope says whether it worked: code 0, or another one with a message."}, {"content", std::move(content)}}}};
}

Json body_of(Schemas& schemas, const Route& route)
{
    if (route.needs == Needs::bytes) {
        const Json file{{"type", "string"}, {"format", "binary"}};
        return {{"required", true},
                {"description", "A file, at most " + std::to_string(route.body_limit) + " bytes."},
                {"content",
                 {{"application/octet-stream", {{"schema", file}}},
                  {"multipart/form-data", {{"schema", {{"type", "object"}, {"properties", {{"file", file}}}}}}}}}};
    }
    const bool required = route.needs == Needs::object;
    Json body{{"required", required},
              {"content", {{"application/json", {{"schema", route.takes != nullptr ? schemas.reference(*route.takes) : Json{{"type", "object"}}}}}}}};
    if (required) body["description"] = "A body that is no object: code " + std::to_string(route.bad_body_code) + ", " + std::string{route.bad_body};
    return body;
}

Json operation(Schemas& schemas, const Route& route, std::string_view method)
{
    Json out{{"operationId", operation_id(route.path, method)},
             {"tags", {tag_of(route.path)}},
             {"summary", route.about},
             {"description", who(route.access)},
             {"x-access", name_of(route.access)},
             {"x-reach", name_of(route.reach)},
             {"responses", answer_of(schemas, route.gives)}};
    if (route.access == Access::open) out["security"] = Json::array();
    if (method == "post" && route.needs != Needs::nothing) out["requestBody"] = body_of(schemas, route);
    return out;
}

Json plain_operation(const DocumentedPath& path)
{
    Json responses;
    if (path.media.empty())
        responses["101"] = {{"description", "The WebSocket is open."}};
    else
        responses["200"] = {{"description", "As it says."}, {"content", {{std::string{path.media}, Json::object()}}}};
    return {{"operationId", operation_id(path.path, "post")},
            {"tags", {"plain"}},
            {"summary", path.about},
            {"security", Json::array()},
            {"responses", std::move(responses)}};
}

Json basics()
{
    return Json::parse(R"({
        "Envelope": {"type": "object", "required": ["code", "msg", "ts"], "properties": {
            "code": {"type": "integer", "description": "0; -1 the caller's mistake or a state that excludes it, -2 the server, 401, 403, 500"},
            "msg": {"type": "string", "description": "for people"},
            "ts": {"type": "integer", "description": "the server's time, ms since 1970"}}},
        "Failure": {"type": "object", "required": ["code", "msg", "ts"], "additionalProperties": false, "properties": {
            "code": {"type": "integer", "not": {"const": 0}}, "msg": {"type": "string"}, "ts": {"type": "integer"}}}
    })");
}

} // namespace

Json openapi_document(const std::vector<std::span<const Route>>& tables, std::span<const DocumentedPath> others)
{
    Schemas schemas;
    Json paths = Json::object();
    for (const auto& table : tables) {
        for (const auto& route : table) {
            auto& item = paths[std::string{route.path}];
            item["post"] = operation(schemas, route, "post");
            if (route.also_get) item["get"] = operation(schemas, route, "get");
        }
    }
    for (const auto& path : others) paths[std::string{path.path}]["get"] = plain_operation(path);
    auto components = basics();
    components.update(schemas.take());
    return {{"openapi", "3.1.0"},
            {"info", {{"title", "Sluice, FLVX dialect"}, {"version", SLUICE_VERSION}}},
            {"security", {{{"token", Json::array()}}}},
            {"paths", std::move(paths)},
            {"components",
             {{"schemas", std::move(components)},
              {"securitySchemes",
               {{"token",
                 {{"type", "apiKey"}, {"in", "header"}, {"name", "Authorization"}, {"description", "The token of user/login, without Bearer."}}}}}}}};
}

} // namespace sluice::flvx
