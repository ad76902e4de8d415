#include "server/error_table.h"

#include <array>
#include <cerrno>
#include <filesystem>
#include <new>
#include <system_error>

#include "dicom/error.h"
#include "models/error.h"
#include "pipeline/error.h"
#include "server/error.h"

namespace metserve::server {
namespace {

using dicom::StoreStatus;
using enum ErrorKind;

constexpr std::array<ErrorHandling, 15> table{{
    {not_accepted, "not accepted", StoreStatus::cannot_understand, 422, LogLevel::info, JobVerdict::skip},
    {ambiguous, "ambiguous", StoreStatus::cannot_understand, 422, LogLevel::warning, JobVerdict::hold},
    {bad_input, "bad input", StoreStatus::cannot_understand, 422, LogLevel::warning, JobVerdict::fail},
    {unsupported, "unsupported", StoreStatus::cannot_understand, 422, LogLevel::warning, JobVerdict::fail},
    {bad_call, "bad call", StoreStatus::cannot_understand, 400, LogLevel::error, JobVerdict::fail},
    {not_found, "not found", StoreStatus::cannot_understand, 404, LogLevel::info, JobVerdict::fail},
    {wrong_state, "wrong state", StoreStatus::cannot_understand, 409, LogLevel::info, JobVerdict::fail},
    {io, "input or output", StoreStatus::out_of_resources, 500, LogLevel::error, JobVerdict::retry},
    {out_of_resources, "out of resources", StoreStatus::out_of_resources, 503, LogLevel::error,
     JobVerdict::wait_out},
    {device, "device", StoreStatus::out_of_resources, 500, LogLevel::error, JobVerdict::wait_out},
    {peer_transient, "peer", StoreStatus::out_of_resources, 502, LogLevel::warning, JobVerdict::retry},
    {peer_permanent, "peer", StoreStatus::out_of_resources, 502, LogLevel::error, JobVerdict::fail},
    {lease_lost, "lease lost", StoreStatus::out_of_resources, 409, LogLevel::warning, JobVerdict::abandon},
    {cancelled, "cancelled", StoreStatus::out_of_resources, 503, LogLevel::info, JobVerdict::hand_back},
    {internal, "internal", StoreStatus::out_of_resources, 500, LogLevel::error, JobVerdict::retry},
}};

ErrorKind kind_of(dicom::Error::Kind kind) {
  switch (kind) {
    case dicom::Error::Kind::bad_input:
      return bad_input;
    case dicom::Error::Kind::unsupported:
      return unsupported;
    case dicom::Error::Kind::io:
      return io;
    case dicom::Error::Kind::peer_transient:
      return peer_transient;
    case dicom::Error::Kind::peer_permanent:
      return peer_permanent;
  }
  return internal;
}

ErrorKind kind_of(models::Error::Kind kind) {
  switch (kind) {
    case models::Error::Kind::bad_input:
      return bad_input;
    case models::Error::Kind::io:
      return io;
    case models::Error::Kind::device:
      return device;
  }
  return internal;
}

ErrorKind kind_of(pipeline::Error::Kind kind) {
  switch (kind) {
    case pipeline::Error::Kind::not_accepted:
      return not_accepted;
    case pipeline::Error::Kind::ambiguous:
      return ambiguous;
    case pipeline::Error::Kind::bad_input:
      return bad_input;
  }
  return internal;
}

ErrorKind kind_of(Error::Kind kind) {
  switch (kind) {
    case Error::Kind::bad_call:
      return bad_call;
    case Error::Kind::not_found:
      return not_found;
    case Error::Kind::wrong_state:
      return wrong_state;
    case Error::Kind::io:
      return io;
    case Error::Kind::out_of_resources:
      return out_of_resources;
    case Error::Kind::unreachable:
    case Error::Kind::unanswered:
      return peer_transient;
    case Error::Kind::lease_lost:
      return lease_lost;
    case Error::Kind::cancelled:
      return cancelled;
  }
  return internal;
}

}  // namespace

ErrorKind kind_of(const std::exception& error) {
  if (const auto* ours = dynamic_cast<const Error*>(&error)) return kind_of(ours->kind());
  if (const auto* from_dicom = dynamic_cast<const dicom::Error*>(&error)) return kind_of(from_dicom->kind());
  if (const auto* from_models = dynamic_cast<const models::Error*>(&error))
    return kind_of(from_models->kind());
  if (const auto* from_pipeline = dynamic_cast<const pipeline::Error*>(&error)) {
    return kind_of(from_pipeline->kind());
  }
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) return out_of_resources;
  if (const auto* system = dynamic_cast<const std::system_error*>(&error)) {
    return is_shortage(system->code()) ? out_of_resources : io;
  }
  return internal;
}

bool is_shortage(const std::error_code& error) {
  if (error.category() != std::generic_category() && error.category() != std::system_category()) return false;
  const int code = error.value();
  return code == ENOSPC || code == EDQUOT || code == EMFILE || code == ENFILE;
}

std::string reason_of(const std::exception& error) {
  const std::string text = error.what();
  return kind_of(error) == internal ? text.substr(0, text.find('\n')) : text;
}

std::string told_of(const std::exception& error) {
  const auto* from_pipeline = dynamic_cast<const pipeline::Error*>(&error);
  return from_pipeline != nullptr ? from_pipeline->told() : reason_of(error);
}

const ErrorHandling& handling(ErrorKind kind) {
  return table.at(static_cast<std::size_t>(kind));
}

}  // namespace metserve::server
