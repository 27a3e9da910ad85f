// What this tab keeps, in sessionStorage alone: the key, and for each answer its form, its photo
// and its text, so that Back and Forward bring it back without asking for a form to be sent again.
// The history holds a number for each answer and nothing else: browsers write it to disk.
const prefix = "lineup.", entries = prefix + "entries", most = 12;

const read = (name, other = null) => {
  try { return JSON.parse(sessionStorage.getItem(prefix + name)) ?? other; } catch { return other; }
};

// put stores a value; false where there is no room or storage is switched off.
function put(name, value) {
  try {
    sessionStorage.setItem(prefix + name, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}

const drop = name => { try { sessionStorage.removeItem(prefix + name); } catch { /* storage is switched off */ } };

// forget drops the oldest answer, and its photo where no other answer has it. It returns false where there is none.
function forget() {
  const ids = read("entries", []), oldest = ids.shift();
  if (!oldest) return false;
  const photo = (read("entry." + oldest) || {}).photo;
  drop("entry." + oldest);
  put("entries", ids);
  if (photo && !ids.some(id => (read("entry." + id) || {}).photo === photo)) drop("photo." + photo);
  return true;
}

// room stores a value and drops old answers until there is room for it.
function room(name, value) {
  while (!put(name, value)) if (!forget()) return false;
  return true;
}

// keep makes a new step of the history that is this answer; photo is {id, data} or nothing. A photo
// that there is no room for is left out.
export function keep(entry, photo) {
  const ids = read("entries", []), id = Date.now().toString(36) + ids.length;
  while (read("entries", []).length >= most) forget();
  if (photo && (read("photo." + photo.id) || room("photo." + photo.id, photo.data))) entry.photo = photo.id;
  if (!room("entry." + id, entry)) return;
  put("entries", [...read("entries", []), id]);
  history.pushState({entry: id}, "");
}

// kept is the answer of this step of the history, or of the one that a link led back to; null for none.
export function kept() {
  const back = read("return");
  if (back) {
    drop("return");
    if (read("entry." + back)) history.replaceState({entry: back}, "");
  }
  return history.state && history.state.entry ? read("entry." + history.state.entry) : null;
}

export const keptPhoto = id => read("photo." + id);

// lost reports whether the answer of this step was cleared meanwhile.
export const lost = () => Boolean(history.state && history.state.entry && !read("entry." + history.state.entry));

// clear forgets all that this tab keeps.
export function clear() {
  try { Object.keys(sessionStorage).filter(name => name.startsWith(prefix)).forEach(name => sessionStorage.removeItem(name)); } catch { /* storage is switched off */ }
}

export const keyOfTab = () => read("key", "");
export const keepKey = key => { if (key) put("key", key); };

// keepResults remembers the records of an answer in their order, for the way from one to the next.
export const keepResults = records => put("results", {records, page: location.pathname + location.search, entry: (history.state || {}).entry});
export const results = () => read("results");

// back leads to the answer that the results are of.
export const back = entry => { if (entry) put("return", entry); };
