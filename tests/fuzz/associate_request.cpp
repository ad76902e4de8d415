// The body of an A-ASSOCIATE-RQ (PS3.8 section 9.3.2): DCMTK's parser, and our choice of presentation
// contexts.

#include "tests/fuzz/association.h"

using namespace metserve;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::serve(fuzz::pdu(0x01, {data, size}), {});
  return 0;
}
