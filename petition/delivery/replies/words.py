"""Words of replies, as data: (class, source, patterns). The first pattern that occurs in a reply decides.

Patterns are matched with the whole reply in lower case on one line, its addresses replaced by `<address>`. Those of one
provider's exact words come first, then words about us and about the moment, which contradict "no such mailbox", then
those about a mailbox. Written from the pages that are named; a line may be added only with a source and with an
example in `tests/delivery/corpus/replies.jsonl`.
"""

ORANGE = "Orange, postmaster pages: codes OFR_nnn"
LAPOSTE = "La Poste, postmaster.laposte.net: codes LPNnnn_nnn"
SFR = "SFR, postmaster pages"
GOOGLE = "Google Workspace Admin Help, Gmail SMTP errors and codes"
MICROSOFT = "Microsoft, NDR error codes in Exchange Online; Outlook.com postmaster, troubleshooting"
YAHOO = "Yahoo sender hub, SMTP error codes"
GODADDY = "GoDaddy help, SMTP bounce codes (IB nnn)"
APPLE = "Apple, postmaster information for iCloud Mail"
GMX = "GMX and WEB.DE postmaster, error messages"
COMCAST = "Comcast postmaster, error codes"
POSTFIX = "Postfix, access(5), verify(8), smtpd.c, local and virtual delivery"
EXIM = "Exim specification, default configuration and delivery errors"
PROVIDERS = "Mailgun, Amazon SES, Postmark, Brevo: webhook references"
PROOFPOINT = "Proofpoint, Mimecast, Barracuda, Cloudmark: support pages on rejections"
COMMON = "words in use by many servers"

WORDS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    # One provider's exact words.
    (
        "authentication",
        GOOGLE,
        (
            r"because it is unauthenticated",
            r"because the sender is unauthenticated",
        ),
    ),
    ("content", GOOGLE, (r"because its content presents",)),
    ("temporary", MICROSOFT, (r"message expired",)),
    ("reputation", MICROSOFT, (r"banned send(er|ing)",)),
    ("unknown", POSTFIX, (r"no valid recipients",)),  # what follows once each recipient was refused
    ("no_mailbox", ORANGE, (
        r"\b(ofr|lpn|ouk)(\d+_)?_?41[68]",
        r"destinataire invalide",
        r"\[41[68]\]",
    )),
    ("mailbox_full", ORANGE, (
        r"(ofr|lpn|ouk)\d*_417",
        r"boite du destinataire pleine",
        r"\[417\]",
    )),
    ("mailbox_disabled", ORANGE, (
        r"(ofr|lpn|ouk)\d*_420",
        r"boite du destinataire archivee",
        r"archived recipient",
    )),
    ("rate", ORANGE, (
        r"(ofr|lpn|ouk)\d*_10[48]",
        r"too many connections, slow down",
    )),
    ("reputation", ORANGE, (
        r"(ofr|lpn|ouk)\d*_(103|510|511|109|201|42[34])",
        r"service refus[eé]",
        r"service refused",
    )),
    ("content", ORANGE, (
        r"(ofr|lpn|ouk)\d*_(506|513|514)",
        r"mail rejet[eé]",
        r"mail rejected\. ",
        r"taille limite du message",
    )),
    ("authentication", LAPOSTE, (
        r"(ofr|lpn|ouk)\d*_(305|401|402)",
        r"code d'authentification invalide",
    )),
    ("policy", LAPOSTE, (
        r"(ofr|lpn|ouk)\d*_(403|405|415|421)",
        r"emetteur invalide",
        r"invalid sender",
    )),
    ("rate", GOOGLE, (
        r"receiving mail (too quickly|at a rate)",
        r"unusual rate of",
        r"rate that prevents",
        r"mail that prevents",
    )),
    ("reputation", GOOGLE, (
        r"unsolicited mail originating",
        r"suspicious due to the (very low|nature)",
        r"low reputation of",
    )),
    ("reputation", GOOGLE, (
        r"likely (suspicious|unsolicited)",
        r"has been blocked\. (please )?(visit|for more)",
        r"\bips? .{0,40}reputation",
    )),
    ("rate", YAHOO, (
        r"\bts[sd]?0[1-9]\b",
        r"temporarily deferred due to",
        r"\[gl01\]",
        r"user complaints",
    )),
    ("reputation", MICROSOFT, (
        r"part of their network is on our block ?list",
        r"\(s3140\)",
        r"\(s3150\)",
        r"banned sending ip",
        r"\bs3140\b",
    )),
    ("rate", MICROSOFT, (
        r"\(rp-00[1-3]\)",
        r"\brp-00[1-3]\b",
        r"exceeded the (rate|connection) limit",
        r"as\(4[0-9]+\)",
        r"server busy",
    )),
    ("content", MICROSOFT, (
        r"(dy|sc)-00[1-9]",
        r"ou-00[12]",
    )),
    ("no_mailbox", MICROSOFT, (
        r"recipient address rejected: access denied",
        r"resolver\.adr\.(recipient)?(rec)?notfound",
    )),
    ("mailbox_full", MICROSOFT, (
        r"(storedrv\.deliver.*|resolver\.rst\.)?(mailboxfull|quotaexceeded|recipientquota)",
    )),
    ("content", MICROSOFT, (
        r"recipsizelimit",
        r"resolver\.rst\.sendsizelimit",
    )),
    ("policy", MICROSOFT, (
        r"resolver\.rst\.(notauth|restricted)",
        r"restricted to (specific|authenticated)",
        r"not authorized to send to",
    )),
    ("mailbox_disabled", MICROSOFT, (
        r"accountdisabled",
        r"mailbox is disabled",
        r"storedrv\.deliver; disabled",
    )),
    ("no_mailbox", MICROSOFT, (
        r"requested action not taken: mailbox unavailable(?!.*(block|policy|reputation|dnsbl|spam))",
    )),
    ("rate", GODADDY, (
        r"too many (recipients|messages(?! on the server)|emails|mails|connections|concurrent|sessions|spams|errors)",
        r"too many invalid",
        r"\bib(104|108|110|111|112|504|607|705)\b",
    )),
    ("reputation", GODADDY, (
        r"\bib(10[1-35-7]|109|212|[45]0[0-9]|506|606|703)\b",
    )),
    ("reputation", APPLE, (
        r"\[(hm|cs)0[0-9]\]",
        r"reject-? ?\[?\d*\]? ?due to reputation",
        r"ip .{0,30}(is|was) (temporarily )?blocked",
    )),
    ("reputation", GMX, (
        r"bad dns ptr",
        r"reject due to policy restrictions",
        r"nemesis esmtp service not available",
    )),
    ("reputation", COMCAST, (
        r"bl0000\d\d",
        r"rl00000\d",
    )),
    # About us: these contradict what else is said of the mailbox.
    (
        "policy",
        COMMON,
        (
            r"(bad|invalid|unknown|incorrect) sender",
            r"sender (<address> )?(address )?(is )?(unknown|invalid|not (valid|known)|does not exist|blocked|refused)",
            r"from address (is )?(invalid|unknown|does not exist)",
            r"(in my|allowed) (list of allowed )?rcpthosts",
        ),
    ),
    ("rate", COMMON, (
        r"rate.?limit",
        r"over (the )?(hourly|daily|sending) (limit|quota|rate)",
        r"(hourly|daily|per.hour|per.day) (sending |message |mail )?(limit|quota|rate|maximum)",
    )),
    ("rate", COMMON, (
        r"too (many|much) .{0,30}(this hour|today|per hour|a day)",
        r"(message|mail|sending|connection) (rate|volume|frequency|limit).{0,20}(exceed|reached|too high)",
    )),
    ("rate", COMMON, (
        r"throttl",
        r"slow down",
        r"exceed\w* .{0,40}(rate|frequency|number of (messages|connections|recipients))",
        r"sending too (fast|quickly|much)",
    )),
    ("rate", SFR, (
        r"trop de (messages|connexions|destinataires|courriers)",
        r"limite (d'envoi|horaire)",
        r"mail flood",
        r"frequency limit",
        r"connection limit",
    )),
    ("authentication", COMMON, (
        r"\b(spf|dkim|dmarc)\b",
        r"unauthenticated (mail|email|sender)",
        r"sender (policy framework|id) ",
        r"does not pass (authentication|dmarc)",
    )),
    ("authentication", COMMON, (
        r"authentication (is )?(required|failed|unsuccessful|checks)",
        r"not authenticated",
        r"must (issue|use) (a )?starttls",
        r"requires? authentication",
    )),
    ("authentication", POSTFIX, (
        r"(reverse|ptr|rdns|forward.confirmed).{0,30}(dns|record|lookup|hostname|not|missing|fail)",
        r"no ptr",
        r"cannot find your (reverse )?hostname",
        r"fix reverse dns",
    )),
    ("authentication", POSTFIX, (
        r"sender address rejected",
        r"sender (domain )?(verification|verify|not verified)",
        r"sender (domain )?(does not|doesn't) exist",
        r"domain of sender",
    )),
    ("reputation", PROOFPOINT, (
        r"spamhaus",
        r"spamcop",
        r"\bsbl\b",
        r"\bxbl\b",
        r"\bpbl\b",
        r"\bcbl\b",
        r"barracudacentral",
        r"sorbs",
        r"uceprotect",
        r"invaluement",
        r"abusix",
        r"mailspike",
        r"senderscore",
        r"returnpath",
        r"talos",
        r"cloudmark",
        r"nixspam",
        r"abuseat",
        r"proofpoint.{0,40}(blocked|dynamic)",
        r"dnsbl",
        r"\brbl\b",
        r"\brbls?\b",
        r"\bsnds\b",
    )),
    ("reputation", COMMON, (
        r"black ?-?list",
        r"block ?-?list",
        r"deny ?-?list",
        r"bloqu[eé]",
        r"blacklisté",
        r"gesperrt",
        r"liste noire",
    )),
    ("reputation", COMMON, (
            r"(ip|client|host|server|sender|address|domain|message|network|email|mail|connection|you)( (address"
            r"|domain|host|from|has|have|is|are|was|been|being|ip|<address>|\[?[\d.:a-f]+\]?,?))* (blocked|banned"
            r"|refused due|denied due)",
    )),
    ("reputation", COMMON, (
        r"reputation",
        r"spam source",
        r"known spammer",
        r"poor (sender )?score",
        r"abusive",
        r"abuse (detected|report)",
        r"refused by .{0,20}(filter|system)",
    )),
    ("content", COMMON, (
        r"spam",
        r"virus",
        r"malware",
        r"phish",
        r"suspicious",
        r"content (rejected|filter|not accepted|policy)",
        r"contains? .{0,30}(banned|forbidden|url|link)",
        r"surbl",
        r"uribl",
        r"\bdbl\b",
        r"junk mail",
        r"unsolicited",
        r"bulk mail",
        r"indésirable",
        r"indesirable",
    )),
    ("content", COMMON, (
        r"message (is )?(too (large|big|long)|size exceeds?)",
        r"(?<!mailbox )size (limit|exceeds)",
        r"exceeds .{0,30}(message )?size",
        r"too big",
        r"larger than the current system limit(?!.*mailbox is full)",
        r"message (header|format)",
        r"rfc ?5?[28]?822",
        r"not rfc",
        r"missing .{0,20}header",
        r"line too long",
        r"bare lf",
    )),
    ("policy", COMMON, (
        r"challenge",
        r"whitelist",
        r"allow ?list",
        r"confirm that you are",
        r"verify your (identity|address)",
        r"tmda",
        r"boxbe",
        r"mailinblack",
        r"antispameurope",
    )),
    # About the moment.
    ("greylisted", POSTFIX, (
        r"gr[ea]y ?-?list",
        r"gr[ea]ylist",
        r"liste grise",
        r"postgrey",
        r"milter-greylist",
        r"try again in \d+ (seconds|minutes)",
        r"please (try|retry).{0,20}\d+ ?(seconds|minutes|s\b)",
        r"first time (sender|contact)",
        r"not yet authorized to deliver",
    )),
    ("temporary", EXIM, (
        r"retry (time|timeout)( not reached| exceeded)",
        r"message too old",
        r"too old",
        r"expired",
        r"retry timeout exceeded",
        r"max(imum)? (time|age|delivery|retr)",
        r"delivery time",
        r"could not be delivered for",
        r"giving up",
        r"will (be retried|keep trying)",
        r"queue lifetime",
    )),
    ("no_domain", EXIM, (
        r"no mx",
        r"null mx",
        r"mx record",
        r"does not accept (mail|email)",
        r"doesn't accept (mail|email)",
        r"nullmx",
        r"host or domain name not found",
        r"name or service not known",
            r"(domain|host)( name)?( <?[\w.-]+>?)? (not found|unknown|is unknown|does not exist|doesn't exist"
            r"|could not be found|lookup failed|invalid)",
        r"unknown (host|domain)",
        r"unrouteable (mail )?domain",
        r"no such (domain|host)",
        r"invalid domain",
        r"bad destination (system|host)",
        r"can't create output.{0,5}host",
        r"(nxdomain|dns error|domaine inexistant|domaine inconnu)",
        r"illegal host",
        r"lowest numbered mx",
        r"all relevant mx records",
    )),
    ("temporary", POSTFIX, (
            r"(connect(ion)?|session|conversation|read|write|lost|timed|operation)( \S+){0,8} (timed out|refused"
            r"|timeout|reset|unreachable|lost|closed|dropped)",
        r"timed out",
        r"timeout",
        r"network (is )?unreachable",
        r"no route to host",
        r"lost connection",
        r"loop",
        r"too many hops",
        r"hop count",
    )),
    ("temporary", COMMON, (
            r"(local|internal|server|system|configuration|temporary|transient|processing|lookup|dns|i/o"
            r"|database) (configuration )?(error|problem|failure|lookup failure)",
        r"maintenance",
            r"temporar(y|ily) (unavailable|failure|problem|error|out|rejected|lookup|local|system|suspended"
            r"|deferred)",
        r"service (is )?(currently )?(un|not )available",
        r"insufficient (system|disk) (storage|space|resources)",
        r"out of (disk|memory)",
        r"no space left",
        r"disk full",
        r"overload",
        r"high load",
        r"load too high",
        r"too busy",
        r"system (is )?(busy|not (accepting|available)|resources)",
        r"shutting down",
        r"closing (transmission|connection)",
        r"resources? temporarily",
        r"4\.3\.[0-2] .*(try|later)",
        r"momentan[eé]ment",
        r"indisponible",
        r"probl[eè]me technique",
    )),
    # About a mailbox: full, disabled, none.
    ("mailbox_full", COMMON, (
        r"over ?-?quota",
        r"overquota",
        r"quota (is )?(exceed|full|reached|limit|d[eé]pass)",
        r"exceed\w* .{0,60}(quota|storage|allocation|mailbox)",
            r"(mailbox|mail box|inbox|account|user|recipient|box|maildir|folder|storage|disk|bo[iî]te[^.]{0,40}"
            r"|postfach|casilla|buzon|casella)( \S+){0,6} (is |are |est |ist )?(too )?(full|pleine|voll|llena"
            r"|piena|exceeded)",
        r"(mailbox|storage|quota) (size )?(limit|exceeded|over)",
        r"out of (storage|space|quota)",
        r"storage (space )?(full|limit|exceed)",
        r"(not enough|no|insufficient) (storage |mailbox )?(space|room)",
        r"full mailbox",
        r"enough space",
        r"space has been used",
        r"too many messages on the server",
        r"\bquota\b",
        r"disk ?quota",
        r"limit of storage",
        r"mailboxfull",
        r"saturée",
        r"too much mail",
        r"espace insuffisant",
        r"d[eé]pass[eé].{0,20}quota",
    )),
    ("no_mailbox", GOOGLE, (
        r"(email account|account) that you tried to reach (does not exist|is not)",
        r"nosuchuser",
        r"does not exist\. please try double-checking",
    )),
    ("mailbox_disabled", GOOGLE, (
            r"(account|mailbox|user|recipient|address|addressee|mail box|email|compte|bo[iî]te)( \S+){0,5} (is "
            r"|has been |was |are |est |a été |temporarily |currently )*(disabled|inactive|suspended|deactivated"
            r"|locked|blocked|dormant|closed for|expired|over 6|not active|inactif|d[eé]sactiv[eé]e?"
            r"|suspendu|archiv)",
        r"(disabled|inactive|suspended|deactivated|expired) (account|mailbox|user|recipient|address|email)",
        r"inactivity",
        r"dormant",
        r"temporarily (disabled|inactive)",
        r"not active",
    )),
    ("no_mailbox", COMMON, (
            r"(user|recipient|mailbox|mail box|address(ee)?|account|login|alias|local ?-?part|person|name|email"
            r"|inbox|destinataire|utilisateur|adresse|compte"
            r"|bo[iî]te)( address)?( name)?( \(?<?[\w.<>@'-]+>?\)?:?){0,4}? ?(is |was |has |are |est "
            r"|ist )?(an? )?(currently )?(unknown|not found|not known|no longer (exist|valid|available|in use|here"
            r"|accept)|does ?n[o']t? ?t? exist|doesn't exist|don't exist|do not exist|not exist|invalid|not valid"
            r"|not (a )?recogni[sz]ed|nonexist\w*|non-exist\w*|inconnue?|inexistante?|n'existe (pas|plus)"
            r"|unbekannt|existiert nicht|desconocid|no existe|not listed|not local|not a (known|valid|local) (user"
            r"|recipient|mailbox|address|account)|could not be found|cannot be found|can't be found|wasn't found"
            r"|has been (deleted|removed|closed|terminated)|was (deleted|removed|closed)|deleted|terminated|closed"
            r"|not present|unrouteable|not exists?|undefined|unavailable or not)",
    )),
    ("no_mailbox", COMMON, (
            r"(no such|no|unknown|invalid|bad|incorrect|wrong|nonexistent|non-existent|illegal|unrouteable"
            r"|undeliverable|undefined|unallocated|not a (valid|known)|isn't a) (a |valid |known |local |virtual "
            r"|such |final |destination |or |illegal |unknown |inactive |email |e-mail |mail ?|smtp |this )*(user"
            r"|users|recipient|recipients|mailbox|mail ?box|address|addresses|addressee|account|alias"
            r"|local ?-?part|person|userid|user-?name|mail ?drop|inbox|login|uid)\b",
    )),
    ("no_mailbox", COMMON, (
        r"<address>[^a-z]{0,4}(is )?(not found|does not exist)",
        r"account unavailable",
        r"badrcptto",
        r"not a local address",
        r"can't accept user",
        r"no mailbox here by that name",
        r"(there is|has|have|we have) no (one|such|user|mailbox|body)",
        r"no one (here )?(by|with) that",
        r"nobody (here )?by that",
        r"this (user|address|account) (doesn't|does not) have a",
        r"doesn't have an? [\w.]+ account",
        r"user \S* ?not (in|on|listed)",
        r"this address no longer",
        r"not our customer",
        r"adresse .{0,20}(invalide|incorrecte|erron[eé]e)",
        r"aucune? (bo[iî]te|utilisateur|compte|destinataire)",
        r"(user|mailbox|recipient|account) (not|isn't) (here|on this|in our|in this)",
        r"vrfy .{0,20}fail",
            r"recipient (address )?rejected: (undeliverable address|unverified address|user|mailbox|no such"
            r"|not found|recipient)",
        r"unable to (find|locate) (user|recipient|mailbox)",
        r"could ?n[o']t? (be )?f[io]u?nd (the )?(user|recipient|mailbox)",
        r"unknown (in|to) (virtual|local|relay|our)",
        r"destinataire(s)? (refus|inconnu)",
        r"left the company",
        r"n'est plus valide",
        r"parti de",
    )),
    ("policy", COMMON, (
        r"relay(ing)? (access )?(denied|not (permitted|allowed))",
        r"unable to relay",
        r"not (permitted|allowed) to relay",
        r"policy",
        r"not (accepted|allowed|permitted|authorized|authorised)",
        r"access denied",
        r"administrative(ly)? (prohibit|deny|denied)",
        r"prohibited",
        r"transaction (failed|rejected)",
        r"rejected for",
        r"refus[eé] (par|pour)",
        r"security",
        r"unacceptable",
        r"local_policy",
        r"denied by",
        r"command rejected",
        r"not wanted",
        r"\bblocked\b",
        r"\brefused -",
        r"client host",
        r"go away",
        r"purported responsible",
        r"your address|your ip|your isp|your server|from your|from mail server|from the server",
        r"dynamic ip",
        r"open proxy",
        r"relay host",
        r"mail server at",
        r"not (currently )?accepting (connections|mail)",
        r"no access",
        r"requires? confirmation",
        r"mismatch",
        r"sender ip",
        r"ip for sending",
        r"mail from \d",
        r"has been rejected",
    )),
)  # fmt: skip
