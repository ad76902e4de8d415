#pragma once

#include <filesystem>
#include <initializer_list>
#include <string>
#include <vector>

#include "server/config.h"
#include "server/config_reader.h"

namespace metserve::server {

/// PS3.5 section 6.2, VR AE: 1 to 16 characters of the default repertoire without backslash and control
/// characters, not blank, no leading or trailing space (which would not be significant).
bool is_ae_title(const std::string& title);
inline constexpr const char* ae_title_rule =
    "must be an AE title: 1 to 16 ASCII characters, no backslash, no space at either end";

/// A path that must be absolute where it is given.
void read_path(ConfigSection& section, const char* key, std::filesystem::path& path);

/// A section `tls`; `required`: keys that it cannot do without.
dicom::TlsOptions read_tls(ConfigSection section, std::initializer_list<const char*> required);

/// The list `destinations`.
void read_destinations(std::vector<ConfigSection> sections, std::vector<DestinationConfig>& destinations);

}  // namespace metserve::server
