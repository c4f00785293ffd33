/* html: what a person reads of an HTML fragment. */
#ifndef ORCH_BASE_HTML_H
#define ORCH_BASE_HTML_H

/* Text of an HTML fragment: tags gone, blocks on lines of their own, entities decoded, trimmed. Caller frees. */
char *html_text(const char *html);

#endif
