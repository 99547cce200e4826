// どのページにも載るプログラム。重いものは、使われるときに読む。
import { markFound } from "./found";
import { offerRunning } from "./live/offer";
import { showProgress } from "./live/overview";
import { followReading, manageDrawers } from "./navigation";
import { removeOnlineOnly } from "./offline";
import { openForPrint } from "./print";
import { makeScrollable } from "./scrollable";
import { focusSearch } from "./shortcut";
import { explainTerms } from "./terms";
import { offerThemes } from "./theme";

offerThemes();
manageDrawers();
followReading();
makeScrollable();
openForPrint();
removeOnlineOnly();
showProgress();
if (document.currentScript instanceof HTMLScriptElement) {
  offerRunning(new URL(".", document.currentScript.src));
}
focusSearch();
explainTerms();
markFound();
document.documentElement.classList.remove("no-js");
