// "Use my location": the device says where it is, to some hundred yards, and the search is around that.
import {$, say, t} from "./texts.js";

$("here").addEventListener("click", () => {
  if (!navigator.geolocation) {
    say(t("nolocation"));
    return;
  }
  say(t("locating"));
  navigator.geolocation.getCurrentPosition(({coords}) => {
    $("near").value = "";
    $("lat").value = coords.latitude.toFixed(3);
    $("lng").value = coords.longitude.toFixed(3);
    $("point").open = true;
    say(t("located"));
    $("radius").focus();
  }, () => say(t("nolocation")), {timeout: 20000, maximumAge: 300000});
});
