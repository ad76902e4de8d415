#include "server/error_table.h"

#include <cerrno>
#include <filesystem>
#include <new>

#include "dicom/error.h"
#include "models/error.h"
#include "pipeline/error.h"
#include "server/error.h"
#include "tests/catch.h"

using namespace metserve;
using namespace metserve::server;

namespace {

bool goes_to(const std::exception& error, JobVerdict verdict, dicom::StoreStatus status) {
  return handling(error).verdict == verdict && handling(error).store_status == status;
}

}  // namespace

TEST_CASE("Every kind of error has its own row in the table", "[server][errors]") {
  for (int i = 0; i <= static_cast<int>(ErrorKind::internal); ++i) {
    const auto kind = static_cast<ErrorKind>(i);
    CHECK((handling(kind).kind == kind));
    CHECK_FALSE(handling(kind).name.empty());
  }
}

TEST_CASE("What the pipeline refuses puts a study where a person expects it", "[server][errors]") {
  using Kind = pipeline::Error::Kind;
  using dicom::StoreStatus;
  CHECK(goes_to(pipeline::Error(Kind::not_accepted, ""), JobVerdict::skip, StoreStatus::cannot_understand));
  CHECK(goes_to(pipeline::Error(Kind::ambiguous, ""), JobVerdict::hold, StoreStatus::cannot_understand));
  CHECK(goes_to(pipeline::Error(Kind::bad_input, ""), JobVerdict::fail, StoreStatus::cannot_understand));
}

TEST_CASE("What may be better next time is tried again", "[server][errors]") {
  using dicom::StoreStatus;
  CHECK(goes_to(models::Error(models::Error::Kind::device, ""), JobVerdict::wait_out,
                StoreStatus::out_of_resources));
  CHECK(goes_to(std::bad_alloc(), JobVerdict::wait_out, StoreStatus::out_of_resources));
  CHECK(goes_to(std::filesystem::filesystem_error("", std::error_code()), JobVerdict::retry,
                StoreStatus::out_of_resources));
  for (const int lacking : {ENOSPC, EDQUOT, EMFILE, ENFILE})
    CHECK(goes_to(std::filesystem::filesystem_error("", std::error_code(lacking, std::system_category())),
                  JobVerdict::wait_out, StoreStatus::out_of_resources));
  CHECK(goes_to(std::logic_error(""), JobVerdict::retry, StoreStatus::out_of_resources));
  CHECK(goes_to(Error(Error::Kind::cancelled, ""), JobVerdict::hand_back, StoreStatus::out_of_resources));
  CHECK(goes_to(Error(Error::Kind::lease_lost, ""), JobVerdict::abandon, StoreStatus::out_of_resources));
}

TEST_CASE("A damaged dataset is not understood, a full disk is out of resources", "[server][errors]") {
  using dicom::StoreStatus;
  CHECK(goes_to(dicom::Error(dicom::Error::Kind::bad_input, ""), JobVerdict::fail,
                StoreStatus::cannot_understand));
  CHECK(
      goes_to(Error(Error::Kind::out_of_resources, ""), JobVerdict::wait_out, StoreStatus::out_of_resources));
  CHECK(handling(Error(Error::Kind::out_of_resources, "")).http_status == 503);
  CHECK(handling(Error(Error::Kind::bad_call, "")).http_status == 400);
}

TEST_CASE("What a log is told of an error has no text of the images", "[server][errors]") {
  const pipeline::Error error(pipeline::Error::Kind::not_accepted, "no T1; BRAVO 'Smith' is left out",
                              "no T1");
  CHECK(reason_of(error) == "no T1; BRAVO 'Smith' is left out");
  CHECK(told_of(error) == "no T1");
  CHECK(told_of(Error(Error::Kind::io, "full")) == "full");
}

TEST_CASE("A library's stack trace is cut off, our own lines are kept", "[server][errors]") {
  CHECK(reason_of(std::runtime_error("CUDA error\nframe #0: here")) == "CUDA error");
  CHECK(reason_of(Error(Error::Kind::bad_call, "line 1\nline 2")) == "line 1\nline 2");
}
