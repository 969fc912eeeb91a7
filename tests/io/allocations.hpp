#pragma once

#include <cstddef>

namespace io_test {

/// The largest single size that operator new was asked for since this was last set to 0.
inline std::size_t largest_allocation = 0;

}  // namespace io_test
