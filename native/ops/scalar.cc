// Owns the ops one lane wide, for any processor.

#include "ops/blur.h"
#include "ops/boxes.h"
#include "ops/gain.h"
#include "ops/image.h"
#include "ops/lanes.h"
#include "ops/level.h"
#include "ops/log_mel.h"
#include "ops/margins.h"
#include "ops/mask.h"
#include "ops/op_set.h"
#include "ops/resample.h"
#include "ops/runs.h"
#include "ops/stft.h"
#include "ops/suppress.h"

namespace redline::ops {

const OpSet* scalar_set() noexcept {
  static constexpr OpSet set{"scalar",
                             image<ScalarLanes>,
                             margins<ScalarLanes>,
                             mask<ScalarLanes>,
                             runs<ScalarLanes>,
                             resample<ScalarSum>,
                             level<ScalarSum>,
                             stft<ScalarLanes, ScalarEight>,
                             log_mel<ScalarLanes, ScalarEight>,
                             gain<ScalarLanes>,
                             boxes<ScalarLanes>,
                             suppress<ScalarLanes>,
                             blur<ScalarLanes>};
  return &set;
}

}  // namespace redline::ops
