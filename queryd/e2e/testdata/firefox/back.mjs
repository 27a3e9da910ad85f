// Walks the page in Firefox over WebDriver BiDi: searches, goes to a record and back, and says what is not as it
// should be. usage: node back.mjs FIREFOX BASE KEY PHOTO
import puppeteer from "puppeteer-core";

const [executablePath, base, key, photo] = process.argv.slice(2);
const wrong = [];
const check = (holds, what) => { if (!holds) wrong.push(what); };

const browser = await puppeteer.launch({browser: "firefox", executablePath, headless: true, extraPrefsFirefox: {"intl.accept_languages": "en-US"}});
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(60_000);
  page.on("pageerror", error => wrong.push("script error: " + error.message));
  const shows = condition => page.waitForFunction(condition);
  const value = id => page.$eval("#" + id, field => field.value);

  // a name, two pages of results, a record, and back
  await page.goto(base + "/search");
  await page.type("#key", key);
  await page.type("#lastName", "Nobody");
  await page.click("#prefix");
  await page.click("#submit");
  const on = number => `location.pathname === "/search" && document.querySelector("#answer h2")?.textContent === "60 records, page ${number} of 3"`;
  await shows(on(1));
  await page.click(".turn button");
  await shows(on(2));
  await page.click(".card form button");
  await shows(`document.querySelector("article.record") !== null`);
  await page.goBack();
  await shows(on(2));
  check(await value("lastName") === "Nobody", "Back did not bring the name back");
  check(await value("key") === key, "Back did not bring the key back");
  await page.evaluate(() => history.back());
  await shows(on(1));
  await page.evaluate(() => history.forward());
  await shows(on(2));
  await page.reload();
  await shows(on(2));
  const state = await page.evaluate(() => JSON.stringify(history.state) + location.href);
  check(!state.includes("Nobody") && !state.includes(key), "in the history stands " + state);

  // a face, a record, and back
  await page.goto(base + "/");
  await shows(`document.querySelector("#filename").textContent === "DEMO.jpg"`);
  await page.evaluate(() => { document.querySelector("#photo").value = ""; });
  await (await page.$("#photo")).uploadFile(photo);
  await shows(`document.querySelector("#filename").textContent === "own.png"`);
  check(await value("key") === key, "the key of this tab is not filled in");
  await page.click("#submit");
  await shows(`document.querySelector("#answer .card") !== null`);
  await page.click(".card form button");
  await shows(`document.querySelector("article.record") !== null`);
  await page.goBack();
  await shows(`document.querySelector("#answer .card") !== null && document.querySelector("#filename").textContent === "own.png" && document.querySelector("#photo").files[0]?.name === "own.png"`);

  // Clear
  await page.click("[data-do=clear]");
  await shows(`document.querySelector("#answer").childElementCount === 0`);
  check(await page.evaluate(() => sessionStorage.length + localStorage.length) === 0, "Clear left something behind");
} catch (error) {
  wrong.push(String(error));
} finally {
  await browser.close();
}
wrong.forEach(line => console.error(line));
process.exit(wrong.length ? 1 : 0);
