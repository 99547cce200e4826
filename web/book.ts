// どのページにも載るプログラム。重いものは、使われるときに読む。
import { followReading, manageDrawers } from "./navigation";
import { removeOnlineOnly } from "./offline";
import { makeScrollable } from "./scrollable";
import { offerThemes } from "./theme";

offerThemes();
manageDrawers();
followReading();
makeScrollable();
removeOnlineOnly();
document.documentElement.classList.remove("no-js");
