// Owns the choice where a runtime lives: on its program's thread, or in a thread of its own. Knows neither's inside.

import { composeRuntime, type Runtime, type RuntimeOptions } from "../runtime.js";
import { HostedRuntime } from "./hosted-runtime.js";

/** How a runtime is built and where it lives. Everything has a default. */
export interface CreateOptions extends RuntimeOptions {
  /**
   * `true`: the runtime lives in a thread of its own with whatever `host` runs there, and a program's thread that stands
   * still costs no deadline there. Default false.
   */
  readonly hosted?: boolean;
}

/**
 * Builds a runtime. Loads the native addon if it can; otherwise falls back and says so in `runtime.provider`.
 *
 * @throws RedlineError `PROVIDER_UNAVAILABLE` when `provider: "ort"` is demanded and the addon cannot be loaded, or
 * `BUDGET_INVALID`.
 *
 * @example
 * await using runtime = await createRuntime();
 * console.log(runtime.provider.name);
 */
export async function createRuntime(
  options: CreateOptions & { readonly hosted: true },
): Promise<HostedRuntime>;
export async function createRuntime(options?: CreateOptions): Promise<Runtime>;
export async function createRuntime({ hosted = false, ...options }: CreateOptions = {}): Promise<Runtime> {
  return hosted ? HostedRuntime.start(options) : composeRuntime(options);
}
