// Owns the words that open a sensor only root may read: the udev rule and the commands around it. Changes nothing.
// Invariant: a rule opens a counter to one group, not to everyone: fine readings of power leak what a processor computes.

/** How to open `class/powercap`, closed to all but root since CVE-2020-8694. */
export const POWERCAP_FIX = fixOf(
  "powercap",
  'SUBSYSTEM=="powercap", KERNEL=="*:*", ACTION=="add", RUN+="/bin/chgrp power %S%p/energy_uj %S%p/max_energy_range_uj", RUN+="/bin/chmod g+r %S%p/energy_uj %S%p/max_energy_range_uj"',
);

/** How to open power and energy files of `class/hwmon` that a driver keeps for root, as amd_energy does. */
export const HWMON_FIX = fixOf(
  "hwmon",
  'SUBSYSTEM=="hwmon", ACTION=="add", RUN+="/bin/sh -c \'for f in %S%p/power*_input %S%p/power*_average %S%p/energy*_input; do chgrp power $$f; chmod g+r $$f; done\'"',
);

function fixOf(subsystem: string, rule: string): string {
  const commands = [
    "sudo groupadd -f power",
    "sudo usermod -aG power $USER",
    "sudo udevadm control --reload",
    `sudo udevadm trigger --action=add --subsystem-match=${subsystem}`,
  ];
  return `put this line into /etc/udev/rules.d/60-redline-${subsystem}.rules: ${rule}  Then: ${commands.join(" && ")}  and log in again`;
}
