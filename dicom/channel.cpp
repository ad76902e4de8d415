#include "dicom/channel.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <utility>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <poll.h>
#include <sys/socket.h>

namespace metserve::dicom {
namespace {

Channel::Progress progress_of_call(ssize_t count, short event) {
  if (count >= 0) return {count, 0};
  if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return {-1, event};
  return {};
}

int clamped(std::size_t bytes) {
  return static_cast<int>(std::min<std::size_t>(bytes, INT_MAX));
}

void switch_on(int socket, int option) {
  const int on = 1;
  setsockopt(socket, IPPROTO_TCP, option, &on, sizeof on);
}

bool is_eof(unsigned long code) {
  return ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
}

/// The peer went without TLS's word for it; DICOM has words of its own.
bool is_closed(int error) {
  const auto code = ERR_peek_error();
  return error == SSL_ERROR_SYSCALL ? code == 0 : is_eof(code);
}

std::string reason_of_openssl(const ssl_st* session) {
  const auto verified = SSL_get_verify_result(session);
  if (verified != X509_V_OK) return std::string("certificate: ") + X509_verify_cert_error_string(verified);
  const auto code = ERR_peek_error();
  const char* const text = code == 0 ? nullptr : ERR_reason_error_string(code);
  return text == nullptr || is_eof(code) ? "the connection is closed" : text;
}

}  // namespace

Channel::Channel(int socket, TlsSession session) : socket_(socket), session_(std::move(session)) {
  switch_on(socket_, TCP_NODELAY);
  if (session_) fcntl(socket_, F_SETFL, fcntl(socket_, F_GETFL) | O_NONBLOCK);
}

Channel::Progress Channel::progress_of(int result) {
  if (result > 0) return {result, 0};
  const int error = SSL_get_error(session_.get(), result);
  switch (error) {
    case SSL_ERROR_WANT_READ:
      return {-1, POLLIN};
    case SSL_ERROR_WANT_WRITE:
      return {-1, POLLOUT};
    case SSL_ERROR_ZERO_RETURN:
      return {0, 0};
    default:
      failure_ = reason_of_openssl(session_.get());
      return {is_closed(error) ? 0 : -1, 0};
  }
}

Channel::Progress Channel::handshake() {
  if (!session_ || SSL_is_init_finished(session_.get())) return {1, 0};
  ERR_clear_error();
  return progress_of(SSL_do_handshake(session_.get()));
}

Channel::Progress Channel::receive(std::span<std::uint8_t> to) {
  if (!session_) return progress_of_call(::recv(socket_, to.data(), to.size(), MSG_DONTWAIT), POLLIN);
  ERR_clear_error();
  return progress_of(SSL_read(session_.get(), to.data(), clamped(to.size())));
}

void Channel::acknowledge() {
  switch_on(socket_, TCP_QUICKACK);
}

void Channel::wake_at(std::size_t bytes) {
  const int wanted = std::max(clamped(bytes), 1);
  if (session_ || wanted == wakes_at_) return;
  setsockopt(socket_, SOL_SOCKET, SO_RCVLOWAT, &wanted, sizeof wanted);
  wakes_at_ = wanted;
}

Channel::Progress Channel::send(std::span<const std::uint8_t> bytes, bool more_follows) {
  const int flags = MSG_DONTWAIT | MSG_NOSIGNAL | (more_follows ? MSG_MORE : 0);
  if (!session_) return progress_of_call(::send(socket_, bytes.data(), bytes.size(), flags), POLLOUT);
  ERR_clear_error();
  const auto progress = progress_of(SSL_write(session_.get(), bytes.data(), clamped(bytes.size())));
  return progress.count == 0 ? Progress{} : progress;
}

bool Channel::has_pending() const {
  return session_ && SSL_has_pending(session_.get()) == 1;
}

void Channel::finish() {
  if (!session_ || !failure_.empty() || !SSL_is_init_finished(session_.get())) return;
  ERR_clear_error();
  SSL_shutdown(session_.get());
}

}  // namespace metserve::dicom
