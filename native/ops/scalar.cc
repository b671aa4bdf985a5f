// Owns the ops one lane wide, for any processor.

#include "ops/image.h"
#include "ops/lanes.h"
#include "ops/level.h"
#include "ops/margins.h"
#include "ops/mask.h"
#include "ops/op_set.h"
#include "ops/resample.h"
#include "ops/runs.h"

namespace redline::ops {

const OpSet* scalar_set() noexcept {
  static constexpr OpSet set{"scalar",           image<ScalarLanes>,  margins<ScalarLanes>, mask<ScalarLanes>,
                             runs<ScalarLanes>, resample<ScalarSum>, level<ScalarSum>};
  return &set;
}

}  // namespace redline::ops
