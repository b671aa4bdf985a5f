// Owns the ops eight lanes wide, for x86 with AVX2 and F16C. Not with FMA, which would round once where others round twice.

#if defined(__x86_64__) || defined(_M_X64)
#if !defined(_MSC_VER) || defined(__clang__)
#define REDLINE_LANES __attribute__((target("avx2,f16c")))
#endif

#include "ops/lanes_avx2.h"

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

const OpSet* avx2_set() noexcept {
  static constexpr OpSet set{"avx2",
                             image<Avx2Lanes>,
                             margins<Avx2Lanes>,
                             mask<Avx2Lanes>,
                             runs<Avx2Lanes>,
                             resample<Avx2Sum>,
                             level<Avx2Sum>,
                             stft<Avx2Lanes, Avx2Eight>,
                             log_mel<Avx2Lanes, Avx2Eight>,
                             gain<Avx2Lanes>,
                             boxes<Avx2Lanes>,
                             suppress<Avx2Lanes>,
                             blur<Avx2Lanes>};
  return &set;
}

}  // namespace redline::ops

#else

#include "ops/op_set.h"

namespace redline::ops {

const OpSet* avx2_set() noexcept { return nullptr; }

}  // namespace redline::ops

#endif
