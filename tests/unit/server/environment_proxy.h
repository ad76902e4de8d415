#pragma once

#include <cstdlib>
#include <optional>
#include <string>

namespace metserve::server {

/// What programs of this machine call HTTP addresses through, while it lives.
class EnvironmentProxy {
 public:
  explicit EnvironmentProxy(const std::string& url) {
    if (const char* now = std::getenv("http_proxy")) before_ = now;
    ::setenv("http_proxy", url.c_str(), 1);
  }
  ~EnvironmentProxy() {
    if (before_) {
      ::setenv("http_proxy", before_->c_str(), 1);
    } else {
      ::unsetenv("http_proxy");
    }
  }
  EnvironmentProxy(const EnvironmentProxy&) = delete;
  EnvironmentProxy& operator=(const EnvironmentProxy&) = delete;

 private:
  std::optional<std::string> before_;
};

}  // namespace metserve::server
