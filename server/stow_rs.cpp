#include "server/stow_rs.h"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <map>
#include <optional>

#include <nlohmann/json.hpp>

#include "dicom/error.h"
#include "dicom/store_status.h"
#include "server/error.h"

namespace metserve::server {
namespace {

using dicom::SendResult;
using Outcome = SendResult::Outcome;

/// For all objects of a result, which an archive may answer once it has stored and indexed them.
constexpr std::chrono::minutes storing_takes{10};

constexpr const char *failed_sop_sequence = "00081198", *referenced_sop_sequence = "00081199",
                     *failure_reason = "00081197", *warning_reason = "00081196",
                     *referenced_sop_instance_uid = "00081155";

/// The first value of an attribute in the DICOM JSON model (PS3.18 annex F).
template <class T>
std::optional<T> value_of(const nlohmann::json& item, const char* tag) {
  const auto attribute = item.find(tag);
  if (attribute == item.end() || !attribute->is_object()) return std::nullopt;
  const auto values = attribute->find("Value");
  if (values == attribute->end() || !values->is_array() || values->empty()) return std::nullopt;
  try {
    return values->front().get<T>();
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

/// Status by SOP Instance UID, of one of the answer's sequences.
void collect(const nlohmann::json& answer, const char* sequence, const char* reason,
             std::uint16_t without_reason, std::map<std::string, std::uint16_t>& statuses) {
  const auto attribute = answer.find(sequence);
  if (attribute == answer.end() || !attribute->is_object() || !attribute->contains("Value")) return;
  for (const nlohmann::json& item : (*attribute)["Value"]) {
    if (!item.is_object()) continue;
    const auto uid = value_of<std::string>(item, referenced_sop_instance_uid);
    if (uid) statuses[*uid] = value_of<std::uint16_t>(item, reason).value_or(without_reason);
  }
}

/// The Store Instances Response Module (PS3.18 annex I): an object, or an array that holds it.
std::map<std::string, std::uint16_t> statuses_in(std::string_view body) {
  constexpr std::uint16_t success = 0x0000, processing_failure = 0x0110;
  std::map<std::string, std::uint16_t> statuses;
  nlohmann::json answer = nlohmann::json::parse(body, nullptr, false);
  if (answer.is_array() && !answer.empty()) answer = nlohmann::json(answer.front());
  if (!answer.is_object()) return statuses;
  collect(answer, referenced_sop_sequence, warning_reason, success, statuses);
  collect(answer, failed_sop_sequence, failure_reason, processing_failure, statuses);
  return statuses;
}

/// The module as XML (PS3.19 annex A), which archives send that have no JSON: whether it names the object as
/// stored, and nothing as failed.
bool stored_in_xml(std::string_view body, const std::string& sop_instance_uid) {
  const auto holds = [body](const std::string& text) { return body.find(text) != std::string_view::npos; };
  const auto quoted = [](const char* tag) { return '"' + std::string(tag) + '"'; };
  return holds(quoted(referenced_sop_sequence)) && !holds(quoted(failed_sop_sequence)) &&
         holds(">" + sop_instance_uid + "<");
}

/// Of an object that the answer does not name. 200 with whatever page stores nothing: a proxy that wants a
/// login sends it, too. 409 is the answer when no object was stored.
Outcome outcome_of_http(unsigned status) {
  const bool passing = status == 200 || status == 202 || status == 408 || status == 425 || status == 429;
  const bool servers_fault = status >= 500 && status != 501 && status != 505;
  return passing || servers_fault ? Outcome::transient : Outcome::permanent;
}

/// One line of at most 200 printable characters of an answer that is no JSON of ours to read.
std::string excerpt(std::string_view body) {
  std::string text(body.substr(0, 200));
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < ' ' || c > '~'; }, ' ');
  return text;
}

std::string reason_for_unnamed(const std::string& archive, unsigned status, std::string_view body) {
  std::string answered = archive + ": HTTP status " + std::to_string(status);
  if (status != 200) return answered;
  return answered + ", but it does not name this object as stored; is url a DICOMweb service's?" +
         (body.empty() ? " It sent nothing" : "");
}

/// Without what editors leave at the end of a line.
std::string authorization(const std::filesystem::path& file) {
  std::ifstream stream(file);
  std::string line;
  std::getline(stream, line);
  line.erase(line.find_last_not_of("\r\t ") + 1);
  if (line.empty())
    throw Error(Error::Kind::unreachable, file.string() + ": holds no line for the Authorization header");
  if (!std::all_of(line.begin(), line.end(), [](char c) { return c >= ' ' && c <= '~'; }))
    throw Error(Error::Kind::unreachable,
                file.string() +
                    ": holds control or other characters that no Authorization header may have; "
                    "save it as plain ASCII text");
  return line;
}

/// PS3.18 section 8.7.3: the media type, whatever parameters it has.
bool is_dicom_json(std::string type) {
  type.erase(std::min(type.size(), type.find_first_of("; ")));
  std::transform(type.begin(), type.end(), type.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return type == "application/dicom+json";
}

}  // namespace

std::vector<SendResult> stow_results(const std::vector<dicom::SopReference>& objects, unsigned status,
                                     std::string_view body, const std::string& archive) {
  auto statuses = statuses_in(body);
  std::vector<SendResult> results;
  for (const dicom::SopReference& object : objects) {
    if (stored_in_xml(body, object.sop_instance_uid))
      statuses.try_emplace(object.sop_instance_uid, std::uint16_t{0});
    SendResult result;
    result.sop_instance_uid = object.sop_instance_uid;
    result.reached = true;
    const auto found = statuses.find(object.sop_instance_uid);
    if (found != statuses.end()) {
      result.status = found->second;
      result.outcome = dicom::outcome_of(result.status);
      const bool stored = result.outcome == Outcome::delivered;
      if (result.status != 0) {
        result.reason =
            archive + (stored ? ": stored with warning " : ": refused with ") + dicom::text_of(result.status);
      }
    } else {
      result.outcome = outcome_of_http(status);
      result.reason = reason_for_unnamed(archive, status, body);
      result.comment = excerpt(body);
    }
    results.push_back(std::move(result));
  }
  return results;
}

WebArchive::WebArchive(const DestinationConfig& config)
    : url_(config.url), ca_file_(config.ca_file), authorization_file_(config.authorization_file) {}

HttpCall WebArchive::prepared(const std::string& method, const std::string& target) const {
  HttpCall request;
  request.method = method;
  request.url = url_ + target;
  request.ca_file = ca_file_;
  request.headers = {"Accept: application/dicom+json"};
  if (!authorization_file_.empty()) {
    request.headers.push_back("Authorization: " + authorization(authorization_file_));
  }
  return request;
}

std::vector<SendResult> WebArchive::send(const std::vector<std::filesystem::path>& files,
                                         const std::stop_token& stop) {
  std::vector<dicom::SopReference> objects;
  std::transform(files.begin(), files.end(), std::back_inserter(objects), dicom::sop_reference);
  std::vector<SendResult> results;
  try {
    HttpCall request = prepared("POST", "/studies");
    request.headers.emplace_back("Content-Type: multipart/related; type=\"application/dicom\"");
    request.parts = files;
    request.silence_timeout = storing_takes;
    request.part_type = "application/dicom";
    request.stop = stop;
    const HttpAnswer answer = call(request);
    results = stow_results(objects, answer.status, answer.body, url_);
  } catch (const Error& error) {
    if (error.kind() == Error::Kind::cancelled) return {};
    const bool unanswered = error.kind() == Error::Kind::unanswered;
    if (!unanswered && error.kind() != Error::Kind::unreachable) throw;
    for (const auto& object : objects)
      results.push_back(
          {{}, object.sop_instance_uid, Outcome::transient, 0, error.what(), unanswered, unanswered});
  }
  for (std::size_t i = 0; i < results.size(); ++i) results[i].file = files[i];
  return results;
}

void WebArchive::request_commitment(const std::string&, const std::vector<dicom::SopReference>&) {
  throw dicom::Error(dicom::Error::Kind::peer_permanent, url_ + ": DICOMweb has no storage commitment");
}

std::string WebArchive::verify() {
  const HttpAnswer answer = call(prepared("GET", "/studies?limit=1"));
  const bool found = answer.status == 200 && is_dicom_json(answer.content_type);
  if (found || answer.status == 204) return url_ + " answers a query";
  std::string what = url_ + ": HTTP status " + std::to_string(answer.status);
  if (answer.status == 200)
    what += ", but no DICOM JSON; is url a DICOMweb service's? It sent " + excerpt(answer.content_type);
  throw dicom::Error(dicom::Error::Kind::peer_permanent, what + " " + excerpt(answer.body));
}

}  // namespace metserve::server
