// 標準入力に並ぶHTMLのファイルを html-validate で調べ、誤りを1行ずつ書き出す。
import { readFileSync } from "node:fs";
import { FileSystemConfigLoader, HtmlValidate } from "html-validate";

const rules = JSON.parse(readFileSync(new URL("html-validate.json", import.meta.url), "utf8"));
const validator = new HtmlValidate(new FileSystemConfigLoader(rules));
const { results } = await validator.validateMultipleFiles(readFileSync(0, "utf8").split("\n"));
for (const { filePath, messages } of results)
  for (const { line, ruleId, message } of messages)
    console.log(`${filePath}:${line}: ${ruleId}: ${message}`);
