// The outside world: the driver's HTTP endpoint, which counts and remembers what handlers do.

/** Counts one execution of `step` and returns how many there have been, this one included. */
export async function hit({ world, id }, step) {
  return Number(await get(`${world}/hit/${id}/${step}`));
}

/** Leaves `text` for the driver under `id`. */
export async function tell({ world, id }, text) {
  await get(`${world}/tell/${id}/${text}`);
}

async function get(url) {
  const response = await fetch(url);
  if (response.status !== 200) throw new Error(`the world answered ${response.status}`);
  return response.text();
}
