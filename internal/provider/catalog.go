package provider

import (
	"iter"
	"slices"

	"tidegate/internal/llm"
)

// All yields every provider that the program knows, vendors of models first. Rows are shared: do not change what they point to.
func All() iter.Seq[Row] {
	return func(yield func(Row) bool) {
		for _, table := range [...][]Row{vendors, hosts, local} {
			for _, r := range table {
				if !yield(r) {
					return
				}
			}
		}
	}
}

// Lookup finds a provider by its name or an alias.
func Lookup(name string) (Row, bool) {
	for r := range All() {
		if r.Name == name || slices.Contains(r.Aliases, name) {
			return r, true
		}
	}
	return Row{}, false
}

// PriceList is the provider's name in the price book.
func (r *Row) PriceList() string {
	if r.Prices != "" {
		return r.Prices
	}
	return r.Name
}

// How the tables were filled. Seen is the day a row was last held against its source: 2026-11-24 is the vendor's page, or a
// report of what its API answers; 2026-08-31 recorded traffic; 2026-07-31 the address and variable that models.dev lists. A
// quirk is only set where a page or a recording shows it, and says which.

// vendors sell models of their own.
var vendors = []Row{
	{
		Name: "openai", Title: "OpenAI", BaseURL: "https://api.openai.com/v1", Auth: Bearer, Env: []string{"OPENAI_API_KEY"},
		Dialect: llm.OpenAIChat, Issuer: "openai", Default: "gpt-6-sol",
		Doc: "https://developers.openai.com/api/reference/resources/chat", Seen: "2026-08-31",
	},
	{
		Name: "anthropic", Title: "Anthropic", Aliases: []string{"claude"}, BaseURL: "https://api.anthropic.com/v1",
		Auth: XAPIKey, Env: []string{"ANTHROPIC_API_KEY"}, Header: map[string]string{"anthropic-version": "2023-06-01"},
		Dialect: llm.Anthropic, Issuer: "anthropic", Default: "claude-sonnet-5",
		Doc: "https://platform.claude.com/docs/en/api/messages", Seen: "2026-08-31",
	},
	{
		Name: "google", Title: "Google Gemini", Aliases: []string{"gemini"},
		BaseURL: "https://generativelanguage.googleapis.com/v1beta", Auth: XGoogKey, Env: []string{"GEMINI_API_KEY", "GOOGLE_API_KEY"},
		Dialect: llm.Gemini, Issuer: "google", Default: "gemini-3.8-flash",
		Doc: "https://ai.google.dev/api/generate-content", Seen: "2026-08-31",
	},
	{
		Name: "mistral", Title: "Mistral", BaseURL: "https://api.mistral.ai/v1", Auth: Bearer, Env: []string{"MISTRAL_API_KEY"},
		Dialect: llm.OpenAIChat, Default: "mistral-large-latest",
		// Its OpenAPI document allows no other members than its own, and the API answers 422 to them (editor-code-assistant/eca
		// issue 231). Recorded: usage comes unasked in 62 of 62 streams, thoughts as content parts, call ids of nine characters.
		Quirks: llm.Quirks{
			MaxTokens: "max_tokens", NoStreamOptions: true, NoDeveloper: true, Thought: "thinking_parts", CallID: "mistral9", ToolAny: "any",
			Takes: []string{"document_url"},
			Drops: []string{
				"seed", "logprobs", "top_logprobs", "logit_bias", "user", "store", "service_tier", "modalities", "audio", "verbosity",
				"web_search_options", "safety_identifier", "prompt_cache_retention", "functions", "function_call",
			},
		},
		Doc: "https://docs.mistral.ai/api/endpoint/chat", Seen: "2026-11-24",
	},
	{
		Name: "xai", Title: "xAI", Aliases: []string{"grok"}, BaseURL: "https://api.x.ai/v1", Auth: Bearer, Env: []string{"XAI_API_KEY"},
		Dialect: llm.OpenAIChat, Default: "grok-4.6",
		// Recorded: total = prompt + completion + reasoning in all replies that reason.
		Quirks: llm.Quirks{ReasoningOutside: true},
		Doc:    "https://docs.x.ai/developers/rest-api-reference/inference/chat", Seen: "2026-08-31",
	},
	{
		Name: "deepseek", Title: "DeepSeek", BaseURL: "https://api.deepseek.com", Auth: Bearer, Env: []string{"DEEPSEEK_API_KEY"},
		Dialect: llm.OpenAIChat, Default: "deepseek-v4-flash",
		// "unknown variant `developer`" (theopenco/llmgateway pull 3462); "This response_format type is unavailable now" for
		// json_schema (llm-exe issue 662, and the page).
		Quirks: llm.Quirks{NoDeveloper: true, NoSchema: true, Takes: []string{"thinking"}},
		Doc:    "https://api-docs.deepseek.com/api/create-chat-completion", Seen: "2026-11-24",
	},
	{
		Name: "cohere", Title: "Cohere", BaseURL: "https://api.cohere.ai/compatibility/v1", Auth: Bearer,
		Env: []string{"COHERE_API_KEY", "CO_API_KEY"}, Dialect: llm.OpenAIChat, Default: "command-a",
		Doc: "https://docs.cohere.com/docs/compatibility-api", Seen: "2026-11-24",
	},
	{
		Name: "perplexity", Title: "Perplexity", BaseURL: "https://api.perplexity.ai", Auth: Bearer, Env: []string{"PERPLEXITY_API_KEY"},
		Dialect: llm.OpenAIChat, Default: "sonar",
		Doc: "https://docs.perplexity.ai/api-reference/chat-completions-post", Seen: "2026-08-31",
	},
	{
		Name: "moonshot", Title: "Moonshot AI", Aliases: []string{"moonshotai", "kimi"}, BaseURL: "https://api.moonshot.ai/v1",
		Auth: Bearer, Env: []string{"MOONSHOT_API_KEY"}, Dialect: llm.OpenAIChat, Default: "kimi-k3",
		// "The role can only be one of system, user, assistant" (the page); developer is answered with ROLE_UNSPECIFIED.
		Quirks: llm.Quirks{NoDeveloper: true, Takes: []string{"thinking"}},
		Doc:    "https://platform.kimi.ai/docs/api/chat", Seen: "2026-11-24",
	},
	{
		Name: "zai", Title: "Z.ai", BaseURL: "https://api.z.ai/api/paas/v4", Auth: Bearer, Env: []string{"ZAI_API_KEY"},
		Dialect: llm.OpenAIChat, Default: "glm-5.3",
		// As for Moonshot: openclaw/openclaw pull 21911 and its predecessor for Z.ai.
		Quirks: llm.Quirks{NoDeveloper: true, Takes: []string{"thinking"}},
		Doc:    "https://docs.z.ai/guides/develop/openai/python", Seen: "2026-11-24",
	},
	{
		Name: "zhipu", Title: "Zhipu AI (bigmodel.cn)", Aliases: []string{"zhipuai", "bigmodel"}, BaseURL: "https://open.bigmodel.cn/api/paas/v4",
		Auth: Bearer, Env: []string{"ZHIPU_API_KEY", "ZHIPUAI_API_KEY"}, Dialect: llm.OpenAIChat, Default: "glm-5.3",
		Quirks: llm.Quirks{NoDeveloper: true}, // the same API as Z.ai's
		Doc:    "https://docs.bigmodel.cn/cn/guide/develop/openai/introduction", Seen: "2026-07-31",
	},
	{
		Name: "minimax", Title: "MiniMax", BaseURL: "https://api.minimax.io/v1", Auth: Bearer, Env: []string{"MINIMAX_API_KEY"},
		Dialect: llm.OpenAIChat, Default: "MiniMax-M3",
		Doc: "https://platform.minimax.io/docs/api-reference/text-openai-api", Seen: "2026-11-24",
	},
	{
		Name: "alibaba", Title: "Alibaba Model Studio", Aliases: []string{"dashscope", "qwen"},
		BaseURL: "https://dashscope-intl.aliyuncs.com/compatible-mode/v1", Auth: Bearer, Env: []string{"DASHSCOPE_API_KEY"},
		Dialect: llm.OpenAIChat, Default: "qwen-plus",
		// "developer is not one of ['system', 'assistant', 'user', 'tool', 'function']" (proma-ai/Proma issue 1496).
		Quirks: llm.Quirks{NoDeveloper: true},
		Doc:    "https://www.alibabacloud.com/help/en/model-studio/compatibility-of-openai-with-dashscope", Seen: "2026-11-24",
	},
	{
		Name: "upstage", Title: "Upstage", BaseURL: "https://api.upstage.ai/v1", Auth: Bearer, Env: []string{"UPSTAGE_API_KEY"},
		Dialect: llm.OpenAIChat, Default: "solar-pro3",
		Doc: "https://developers.upstage.ai/docs/apis/chat", Seen: "2026-11-24",
	},
	{
		Name: "ai21", Title: "AI21", BaseURL: "https://api.ai21.com/studio/v1", Auth: Bearer, Env: []string{"AI21_API_KEY"},
		Dialect: llm.OpenAIChat, Default: "jamba-large",
		Doc: "https://docs.ai21.com/reference/jamba-1-6-api-ref", Seen: "2026-11-24",
	},
	{
		Name: "stepfun", Title: "StepFun", BaseURL: "https://api.stepfun.com/v1", Auth: Bearer, Env: []string{"STEPFUN_API_KEY"},
		Dialect: llm.OpenAIChat,
		Doc:     "https://platform.stepfun.com/docs/zh/overview/concept", Seen: "2026-07-31",
	},
	{
		Name: "xiaomi", Title: "Xiaomi MiMo", BaseURL: "https://api.xiaomimimo.com/v1", Auth: Bearer, Env: []string{"XIAOMI_API_KEY"},
		Dialect: llm.OpenAIChat,
		Doc:     "https://platform.xiaomimimo.com/#/docs", Seen: "2026-07-31",
	},
	{
		Name: "llama", Title: "Meta Llama API", BaseURL: "https://api.llama.com/compat/v1", Auth: Bearer, Env: []string{"LLAMA_API_KEY"},
		Dialect: llm.OpenAIChat,
		Doc:     "https://llama.developer.meta.com/docs/features/compatibility", Seen: "2026-07-31",
	},
}
