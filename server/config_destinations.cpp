// The configuration's list of destinations.

#include <algorithm>
#include <cctype>
#include <initializer_list>
#include <set>

#include <arpa/inet.h>

#include "server/config_parts.h"

namespace metserve::server {
namespace {

constexpr std::size_t max_address = 63;  ///< "host:port" in DCMTK

/// A name of RFC 1123 (and of Windows, with '_'), or an IPv4 address; no IPv6 address.
bool is_host(const std::string& host) {
  const bool plain = std::all_of(host.begin(), host.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
  });
  if (!plain || host.empty() || host.front() == '.' || host.find("..") != std::string::npos) return false;
  const std::string last = host.substr(host.find_last_of('.') + 1);
  const bool numbers = !last.empty() && last.find_first_not_of("0123456789") == std::string::npos;
  in_addr parsed{};
  return !numbers || inet_pton(AF_INET, host.c_str(), &parsed) == 1;
}

/// The part of a URL that names the server: host and port, and what stands before them.
std::string authority_of(const std::string& url) {
  const std::size_t begin = url.find("://") + 3;
  return url.substr(begin, url.find('/', begin) - begin);
}

bool is_name(const std::string& name) {
  return !name.empty() && name.size() <= 40 && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_';
  });
}

void require_keys(ConfigSection& section, std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    if (!section.has(key)) {
      section.problem(key, "is missing: a destination needs name, host, port and ae_title, or name and url");
    }
  }
}

/// A DICOM node: PS3.4 annex B, and annex J where it commits itself.
void read_node(ConfigSection& section, DestinationConfig& destination) {
  require_keys(section, {"name", "host", "port", "ae_title"});
  for (const char* key : {"ca_file", "authorization_file"})
    section.refuse(key, "belongs to a destination with url");
  section.text("host", destination.host);
  section.whole("port", destination.port, 1, 65535);
  if (section.has("host") &&
      (!is_host(destination.host) ||
       (destination.host + ":" + std::to_string(destination.port)).size() > max_address))
    section.problem("host", "must be a name or an IPv4 address, with the port at most 63 characters, is '" +
                                destination.host + "'");
  section.text("ae_title", destination.ae_title);
  if (section.has("ae_title") && !is_ae_title(destination.ae_title))
    section.problem("ae_title", ae_title_rule);
  if (section.has("tls")) destination.tls = read_tls(section.section("tls"), {"trusted"});
  section.flag("storage_commitment", destination.storage_commitment);
  section.duration("commitment_wait_s", destination.commitment_wait, 10, 604800);
}

/// A DICOMweb archive: PS3.18 section 10.5.
void read_web(ConfigSection& section, DestinationConfig& destination) {
  require_keys(section, {"name"});
  for (const char* key : {"host", "port", "ae_title", "storage_commitment", "commitment_wait_s", "tls"})
    section.refuse(key, "does not go with url");
  section.text("url", destination.url);
  const bool has_scheme = destination.url.starts_with("https://") || destination.url.starts_with("http://");
  const bool is_plain = std::all_of(destination.url.begin(), destination.url.end(),
                                    [](char c) { return c > ' ' && c < 127 && c != '?' && c != '#'; });
  if (!has_scheme || !is_plain || authority_of(destination.url).empty()) {
    section.problem("url",
                    "must be an http or https address without query, e.g. "
                    "https://pacs.example.org/dicom-web");
  } else if (authority_of(destination.url).find('@') != std::string::npos) {
    section.problem(
        "url",
        "must hold no user and password, which logs and records would show: write the Authorization "
        "header, e.g. 'Basic ...', into a file and name it in authorization_file");
  }
  while (destination.url.ends_with('/')) destination.url.pop_back();
  read_path(section, "ca_file", destination.ca_file);
  read_path(section, "authorization_file", destination.authorization_file);
}

void read_destination(ConfigSection& section, DestinationConfig& destination) {
  section.text("name", destination.name);
  if (section.has("name") && !is_name(destination.name)) {
    section.problem("name", "must be 1 to 40 letters, digits, '-' or '_'");
  }
  section.has("url") ? read_web(section, destination) : read_node(section, destination);
  section.choices("objects", destination.objects,
                  {{"seg", ObjectKind::segmentation},
                   {"rtstruct", ObjectKind::structure_set},
                   {"report", ObjectKind::report},
                   {"probability", ObjectKind::probability},
                   {"key_images", ObjectKind::key_images},
                   {"axial", ObjectKind::axial}});
  if (destination.objects.empty())
    section.problem("objects",
                    "must name at least one of seg, rtstruct, report, probability, key_images, axial");
  ConfigSection retry = section.section("retry");
  retry.duration("first_s", destination.retry.first, 1, 3600);
  retry.duration("cap_s", destination.retry.cap, 1, 86400);
  if (destination.retry.cap < destination.retry.first) retry.problem("cap_s", "must not be below first_s");
  retry.finish();
  section.finish();
}

}  // namespace

void read_destinations(std::vector<ConfigSection> sections, std::vector<DestinationConfig>& destinations) {
  std::set<std::string> names;
  for (ConfigSection& section : sections) {
    read_destination(section, destinations.emplace_back());
    const std::string& name = destinations.back().name;
    if (!name.empty() && !names.insert(name).second)
      section.problem("name", "'" + name + "' is taken by another destination");
  }
}

}  // namespace metserve::server
