// What g++'s -fsanitize-coverage=trace-pc,trace-cmp calls and libFuzzer does not (or no longer) define.

#include <cstddef>
#include <cstdint>

extern "C" const char __executable_start;  // of the linker: the same place has the same counter in every run

namespace {

constexpr std::size_t counter_count = std::size_t{1} << 17;
/// libFuzzer looks at every byte of this section after each input.
__attribute__((section("__libfuzzer_extra_counters"), used)) std::uint8_t counters[counter_count];

}  // namespace

extern "C" {

__attribute__((no_sanitize_coverage)) void __sanitizer_cov_trace_pc() {
  const auto place = reinterpret_cast<std::uintptr_t>(__builtin_return_address(0)) -
                     reinterpret_cast<std::uintptr_t>(&__executable_start);
  ++counters[(place ^ place >> 17) % counter_count];
}

__attribute__((no_sanitize_coverage)) void __sanitizer_cov_trace_cmpf(float, float) {}
__attribute__((no_sanitize_coverage)) void __sanitizer_cov_trace_cmpd(double, double) {}
}
