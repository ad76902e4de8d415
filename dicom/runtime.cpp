#include "dicom/runtime.h"

#include <chrono>
#include <csignal>
#include <cstdint>
#include <utility>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcdict.h>
#include <dcmtk/dcmdata/dcobject.h>
#include <dcmtk/dcmdata/dcrledrg.h>
#include <dcmtk/dcmjpeg/djdecode.h>
#include <dcmtk/dcmjpls/djdecode.h>
#include <dcmtk/oflog/appender.h>
#include <dcmtk/oflog/logger.h>
#include <dcmtk/oflog/loglevel.h>
#include <dcmtk/oflog/spi/logevent.h>

#include "dicom/error.h"
#include "dicom/line_limit.h"
#include "dicom/network_log.h"

namespace metserve::dicom {
namespace {

namespace log4cplus = dcmtk::log4cplus;

LogLevel level_of(log4cplus::LogLevel level) {
  if (level >= log4cplus::ERROR_LOG_LEVEL) return LogLevel::error;
  if (level >= log4cplus::WARN_LOG_LEVEL) return LogLevel::warning;
  if (level >= log4cplus::INFO_LOG_LEVEL) return LogLevel::info;
  return LogLevel::debug;
}

constexpr std::uint64_t library_lines_a_minute = 60;

/// Hands log lines on: all of ours, and of DCMTK's own, which know no peer and of which a damaged image
/// causes some, so many a minute. `append` is serialised by the base class.
class ForwardingAppender : public log4cplus::Appender {
 public:
  explicit ForwardingAppender(std::function<void(LogLevel, const std::string&)> log) : log_(std::move(log)) {}
  ~ForwardingAppender() override { destructorImpl(); }
  void close() override {}

 protected:
  void append(const log4cplus::spi::InternalLoggingEvent& event) override {
    if (!log_) return;
    for (const auto& excess : limit_.end_of_minute(std::chrono::system_clock::now()))
      log_(LogLevel::warning,
           std::to_string(excess.lines) + " more lines of DCMTK within a minute, left out of this log");
    if (event.getLoggerName() != log_name && !limit_.admits({})) return;
    const auto& message = event.getMessage();
    log_(level_of(event.getLogLevel()), std::string(message.data(), message.size()));
  }

 private:
  std::function<void(LogLevel, const std::string&)> log_;
  LineLimit limit_{library_lines_a_minute};
};

void redirect_log(std::function<void(LogLevel, const std::string&)> log) {
  log4cplus::Logger root = log4cplus::Logger::getRoot();
  root.removeAllAppenders();
  root.addAppender(log4cplus::SharedAppenderPtr(new ForwardingAppender(std::move(log))));
  root.setLogLevel(log4cplus::WARN_LOG_LEVEL);
}

}  // namespace

Runtime::Runtime(std::function<void(LogLevel, const std::string&)> log) {
  redirect_log(std::move(log));
  if (!dcmDataDict.isDictionaryLoaded())
    throw Error(
        Error::Kind::io,
        "the DICOM data dictionary is not loaded: install DCMTK's dicom.dic or set DCMDICTPATH to it");
  // Archives that do not know an attribute hand it on as UN; the dictionary knows better (PS3.5 6.2.2).
  dcmEnableUnknownVRConversion.set(OFTrue);
  std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes to sockets that a peer may have closed
  DJDecoderRegistration::registerCodecs();
  DJLSDecoderRegistration::registerCodecs();
  DcmRLEDecoderRegistration::registerCodecs();
}

Runtime::~Runtime() {
  DcmRLEDecoderRegistration::cleanup();
  DJLSDecoderRegistration::cleanup();
  DJDecoderRegistration::cleanup();
  redirect_log({});
}

}  // namespace metserve::dicom
