#include "server/start_check.h"

#include <cerrno>
#include <cstring>

#include <unistd.h>

#include "server/error.h"

namespace metserve::server {
namespace fs = std::filesystem;

std::string check_appendable(const fs::path& file) {
  const fs::file_status status = fs::status(file);
  const bool is_there = fs::exists(status);
  if (is_there && !fs::is_regular_file(status) && !fs::is_fifo(status) && !fs::is_character_file(status))
    throw Error(Error::Kind::io, file.string() + ": is a directory or the like: name a file");
  const fs::path asked = is_there ? file : file.parent_path();
  if (::access(asked.c_str(), W_OK) != 0)
    throw Error(Error::Kind::io, asked.string() + ": cannot be written: " + std::strerror(errno));
  return file.string();
}

std::string check_ports(const Config& config) {
  const auto is_any = [](const std::string& address) { return address == "0.0.0.0" || address == "::"; };
  const std::string &dicom = config.dicom.bind_address, &http = config.http.bind_address;
  const bool meet = dicom == http || is_any(dicom) || is_any(http);
  if (meet && config.dicom.port == config.http.port && config.http.port != 0)
    throw Error(Error::Kind::bad_call, "dicom.port and http.port are both " +
                                           std::to_string(config.http.port) + ": give them two numbers");
  return "DICOM " + std::to_string(config.dicom.port) + ", HTTP " + std::to_string(config.http.port);
}

}  // namespace metserve::server
