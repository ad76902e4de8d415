#include "server/http_client.h"

#include <chrono>
#include <memory>
#include <optional>

#include <curl/curl.h>

#include "server/error.h"

namespace metserve::server {
namespace {

struct CurlDeleter {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
  void operator()(curl_mime* mime) const { curl_mime_free(mime); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
template <class T>
using Handle = std::unique_ptr<T, CurlDeleter>;

constexpr std::size_t largest_answer = std::size_t{64} << 20;

std::size_t append(const char* bytes, std::size_t, std::size_t count, void* body) {
  auto& text = *static_cast<std::string*>(body);
  if (text.size() + count > largest_answer) return 0;  // libcurl ends the transfer
  text.append(bytes, count);
  return count;
}

/// What is on its way may end, if that does not take long.
class Patience {
 public:
  explicit Patience(const HttpCall& request) : request_(request) {}

  /// libcurl asks once a second or more often, and ends the transfer when it is told anything but 0.
  static int is_over(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<Patience*>(self)->is_over() ? 1 : 0;
  }

 private:
  using Steady = std::chrono::steady_clock;

  bool is_over() {
    if (!request_.stop.stop_requested()) return false;
    if (!end_) end_ = Steady::now() + request_.stop_grace;
    return Steady::now() > *end_;
  }

  const HttpCall& request_;
  std::optional<Steady::time_point> end_;
};

Handle<curl_slist> list_of(const std::vector<std::string>& lines) {
  curl_slist* list = nullptr;
  for (const std::string& line : lines) list = curl_slist_append(list, line.c_str());
  return Handle<curl_slist>(list);
}

/// libcurl reads the files while it sends them.
Handle<curl_mime> body_of(CURL* handle, const HttpCall& request) {
  if (request.parts.empty()) return nullptr;
  Handle<curl_mime> mime(curl_mime_init(handle));
  for (const auto& file : request.parts) {
    curl_mimepart* part = curl_mime_addpart(mime.get());
    if (curl_mime_filedata(part, file.c_str()) != CURLE_OK) {
      throw Error(Error::Kind::io, file.string() + ": cannot be read to be sent");
    }
    curl_mime_filename(part, nullptr);
    curl_mime_type(part, request.part_type.c_str());
  }
  return mime;
}

void set_limits(CURL* handle, const HttpCall& request) {
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT, static_cast<long>(request.connect_timeout.count()));
  curl_easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(handle, CURLOPT_LOW_SPEED_TIME, static_cast<long>(request.silence_timeout.count()));
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(handle, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  if (!request.through_proxy) curl_easy_setopt(handle, CURLOPT_NOPROXY, "*");
  if (!request.ca_file.empty()) {
    curl_easy_setopt(handle, CURLOPT_CAINFO, request.ca_file.c_str());
    curl_easy_setopt(handle, CURLOPT_CAPATH, nullptr);  // the system's, which libcurl would look into as well
  }
}

CURL* new_handle() {
  static const CURLcode global = curl_global_init(CURL_GLOBAL_DEFAULT);
  CURL* handle = global == CURLE_OK ? curl_easy_init() : nullptr;
  if (handle == nullptr) throw Error(Error::Kind::out_of_resources, "libcurl cannot be started");
  return handle;
}

}  // namespace

HttpAnswer call(const HttpCall& request) {
  const Handle<CURL> handle(new_handle());
  const auto headers = list_of(request.headers);
  const auto body = body_of(handle.get(), request);
  HttpAnswer answer;
  set_limits(handle.get(), request);
  curl_easy_setopt(handle.get(), CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(handle.get(), CURLOPT_HTTPHEADER, headers.get());
  if (body) curl_easy_setopt(handle.get(), CURLOPT_MIMEPOST, body.get());
  curl_easy_setopt(handle.get(), CURLOPT_CUSTOMREQUEST, request.method.c_str());
  curl_easy_setopt(handle.get(), CURLOPT_WRITEFUNCTION, append);
  curl_easy_setopt(handle.get(), CURLOPT_WRITEDATA, &answer.body);
  Patience transfer(request);
  curl_easy_setopt(handle.get(), CURLOPT_XFERINFOFUNCTION,
                   static_cast<curl_xferinfo_callback>(Patience::is_over));
  curl_easy_setopt(handle.get(), CURLOPT_XFERINFODATA, &transfer);
  curl_easy_setopt(handle.get(), CURLOPT_NOPROGRESS, 0L);
  const CURLcode code = curl_easy_perform(handle.get());
  if (code == CURLE_ABORTED_BY_CALLBACK) {
    throw Error(Error::Kind::cancelled, request.url + ": the request is interrupted: the server is stopping");
  }
  if (code != CURLE_OK) {
    curl_off_t sent = 0;
    curl_easy_getinfo(handle.get(), CURLINFO_SIZE_UPLOAD_T, &sent);
    throw Error(sent > 0 ? Error::Kind::unanswered : Error::Kind::unreachable,
                request.url + ": no answer: " + curl_easy_strerror(code));
  }
  long status = 0;
  curl_easy_getinfo(handle.get(), CURLINFO_RESPONSE_CODE, &status);
  answer.status = static_cast<unsigned>(status);
  const char* type = nullptr;
  curl_easy_getinfo(handle.get(), CURLINFO_CONTENT_TYPE, &type);
  if (type != nullptr) answer.content_type = type;
  return answer;
}

}  // namespace metserve::server
