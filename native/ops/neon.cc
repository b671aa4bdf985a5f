// Owns the ops four lanes wide, for 64-bit ARM.

#if defined(__aarch64__) || defined(_M_ARM64)

#include "ops/lanes_neon.h"

#include "ops/blur.h"
#include "ops/boxes.h"
#include "ops/gain.h"
#include "ops/image.h"
#include "ops/level.h"
#include "ops/log_mel.h"
#include "ops/margins.h"
#include "ops/mask.h"
#include "ops/resample.h"
#include "ops/runs.h"
#include "ops/stft.h"
#include "ops/suppress.h"

namespace redline::ops {

const OpSet* neon_set() noexcept {
  static constexpr OpSet set{"neon",
                             image<NeonLanes>,
                             margins<NeonLanes>,
                             mask<NeonLanes>,
                             runs<NeonLanes>,
                             resample<NeonSum>,
                             level<NeonSum>,
                             stft<NeonLanes, NeonEight>,
                             log_mel<NeonLanes, NeonEight>,
                             gain<NeonLanes>,
                             boxes<NeonLanes>,
                             suppress<NeonLanes>,
                             blur<NeonLanes>};
  return &set;
}

}  // namespace redline::ops

#else

#include "ops/op_set.h"

namespace redline::ops {

const OpSet* neon_set() noexcept { return nullptr; }

}  // namespace redline::ops

#endif
